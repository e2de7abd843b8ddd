"""The ledger of the authorities whose keys are ours: which serial was used for what, and which were revoked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from django.db.models import F, Q

from authorities.models import Authority, Issuance
from core.errors import NotFound
from core.statements import ModelStatement
from pki import inspection, signing
from pki.errors import NotAllowed

HOLD = x509.ReasonFlags.certificate_hold.value
RELEASE = x509.ReasonFlags.remove_from_crl.value


def is_kept(authority: Authority) -> bool:
    """Is the ledger the truth about this authority? It is where we hold the key."""
    return authority.private_key is not None


def reserve(authority: Authority, draft: x509.Certificate) -> Issuance:
    """Write down, before it is signed, that this authority is about to sign this draft under its serial number.

    Serials are 159 random bits; the unique constraint is the proof that none is used twice.
    """
    made = line(authority, draft)
    made.save(force_insert=True)
    return made


def line(authority: Authority, certificate: x509.Certificate) -> Issuance:
    """What stands in the ledger for a certificate or its draft, not saved."""
    return Issuance(
        authority=authority,
        serial=str(certificate.serial_number),
        not_after=certificate.not_valid_after_utc,
        tbs_sha256=signing.tbs_sha256(certificate),
    )


def confirm(authority: Authority, certificate: x509.Certificate, *, reserved: Issuance | None = None) -> None:
    """Raise NotAllowed unless what was signed is exactly what the ledger has reserved for its serial number.

    ``reserved`` is what :func:`reserve` returned, for who still has it.
    """
    serial = str(certificate.serial_number)
    if reserved is None or reserved.serial != serial:
        reserved = Issuance.objects.filter(authority=authority, serial=serial).first()
    if reserved is None or reserved.tbs_sha256 != signing.tbs_sha256(certificate):
        raise NotAllowed(f"{authority} signed something else than was reserved for serial {serial}.")


def revoke(authority: Authority, serial: str, *, reason: str, at: datetime) -> bool:
    """Mark a serial as revoked; False if that changes nothing: the first time counts.

    What is on hold (``certificateHold``) can be revoked for good: as of when the hold began.
    """
    entry = find(authority, serial)
    rows = Issuance.objects.filter(pk=entry.pk)
    changed = rows.filter(revoked_at=None).update(revoked_at=at, reason=reason)
    if not changed and reason != HOLD:
        changed = rows.filter(reason=HOLD).update(reason=reason)
    return _changed(authority, changed)


def release(authority: Authority, serial: str) -> bool:
    """End a hold: the next list does not have it any more. False if it was not on hold."""
    entry = find(authority, serial)
    on_hold = Issuance.objects.filter(pk=entry.pk, reason=HOLD, revoked_at__isnull=False)
    return _changed(authority, on_hold.update(revoked_at=None, reason=""))


def adopt(authority: Authority, certificate: x509.Certificate) -> bool:
    """Enter what this authority has signed and the ledger does not know; False if it does. Raises as :func:`known`."""
    made, entry = line(authority, certificate), known(authority, certificate)
    if entry is None:
        made.save(force_insert=True)
    elif not entry.tbs_sha256:
        Issuance.objects.filter(pk=entry.pk).update(tbs_sha256=made.tbs_sha256, not_after=made.not_after)
    return entry is None or not entry.tbs_sha256


def known(authority: Authority, certificate: x509.Certificate) -> Issuance | None:
    """Its line, which does not say what was signed if a revocation list alone has brought it.

    NotAllowed: its serial number was used for something else.
    """
    entry = Issuance.objects.filter(authority=authority, serial=str(certificate.serial_number)).first()
    if entry is not None and entry.tbs_sha256 not in ("", signing.tbs_sha256(certificate)):
        raise NotAllowed(f"{authority} has used serial {entry.serial} for something else.")
    return entry


def adopt_revocation(authority: Authority, revoked: signing.Revoked) -> bool:
    """Enter what a revocation list of this authority says; False if the ledger knows that it is revoked.

    Of a certificate that the ledger does not know it is not known either when it ends: no later than its issuer.
    """
    serial, reason = str(revoked.serial), (revoked.reason or x509.ReasonFlags.unspecified).value
    Issuance.objects.get_or_create(authority=authority, serial=serial, defaults={"not_after": authority.not_after})
    return revoke(authority, serial, reason=reason, at=revoked.revoked_at)


def is_hold(revoked: signing.Revoked) -> bool:
    """Can it be taken back?"""
    return revoked.reason is x509.ReasonFlags.certificate_hold


def revoked_serials(authority: Authority) -> set[int]:
    """The serial numbers that were revoked, without those on hold."""
    rows = Issuance.objects.filter(authority=authority, revoked_at__isnull=False).exclude(reason=HOLD)
    return set(map(int, rows.values_list("serial", flat=True)))


def _changed(authority: Authority, changed: int) -> bool:
    """Note, in the same transaction, that the last list is out of date."""
    if changed:
        Authority.objects.filter(pk=authority.pk).update(ledger_version=F("ledger_version") + 1)
    return bool(changed)


def line_of(certificate: x509.Certificate, issuer: x509.Certificate) -> Issuance | None:
    """The line for this very certificate, if one of our authorities issued it under that certificate of its own."""
    return Lines([(certificate, [issuer])]).of(certificate, issuer)


class Lines:
    """What :func:`line_of` says, of certificates whose issuers are in their chains, from one statement for all."""

    def __init__(self, chained: Iterable[tuple[x509.Certificate, Sequence[x509.Certificate]]]) -> None:
        given = list(chained)
        self._bodies = {issuer: inspection.pem(issuer) for _, chain in given for issuer in chain}
        serials = sorted({str(certificate.serial_number) for certificate, _ in given})
        self._found: dict[tuple[str, str], Issuance] = {}
        if self._bodies:
            lines = _lines.rows(sorted(set(self._bodies.values())), serials)
            self._found = {(one.authority.body, one.tbs_sha256): one for one in lines if is_kept(one.authority)}

    def of(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Issuance | None:
        """Of another issuer than those of the chains it is asked by itself."""
        if issuer not in self._bodies:
            return line_of(certificate, issuer)
        return self._found.get((self._bodies[issuer], signing.tbs_sha256(certificate)))


# Each certificate whose revocation is looked at is looked for here first.
_lines = ModelStatement[Issuance](
    lambda bodies, serials: Issuance.objects.filter(authority__body__in=bodies, serial__in=serials).select_related(
        "authority"
    )
)


def find(authority: Authority, serial: str) -> Issuance:
    """The line for a serial number; NotFound if this authority never used it."""
    entry = Issuance.objects.filter(authority=authority, serial=serial).first()
    if entry is None:
        raise NotFound(f"{authority} has not issued serial {serial}.")
    return entry


def to_list(authority: Authority, *, since: datetime | None) -> list[signing.Revoked]:
    """What the next revocation list must say, when the one before is of ``since`` (None: there is none).

    What has expired stays on one list that is younger than its end (RFC 5280, 3.3).
    """
    rows = Issuance.objects.filter(authority=authority, revoked_at__isnull=False)
    if since is not None:
        rows = rows.filter(Q(not_after__gt=since) | Q(revoked_at__gt=since))
    columns = rows.order_by("pk").values_list("serial", "revoked_at", "reason")
    return [signing.Revoked(int(serial), at, flag(reason)) for serial, at, reason in columns.iterator() if at]


def flag(reason: str) -> x509.ReasonFlags:
    """The reason by its name in RFC 5280, 5.3.1."""
    return x509.ReasonFlags(reason or "unspecified")
