"""CRLs (RFC 5280, 5 and 6.3): where they are, and what one proves about a certificate within its scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from cryptography import x509

from pki import signatures, subjects
from pki.errors import BadAnswer, BadCertificate
from pki.extensions import find
from pki.revocation.verdicts import Status, Verdict, check_issuer, reading, unknown, why_stale
from pki.signing import Revoked

CRL: Final = "CRL"
_UNDERSTOOD: Final = (
    x509.CRLNumber,
    x509.DeltaCRLIndicator,
    x509.IssuingDistributionPoint,
    x509.AuthorityKeyIdentifier,
    x509.FreshestCRL,
)
_UNDERSTOOD_IN_ENTRIES: Final = (x509.CRLReason, x509.InvalidityDate, x509.CertificateIssuer)
_CRITICAL: Final = b"\x01\x01\xff"
"""DER of BOOLEAN TRUE, which stands in every critical extension."""


def crl_locations(certificate: x509.Certificate) -> list[str]:
    """The URLs of its distribution points in their order, of whatever scheme, each once."""
    with reading("certificate", BadCertificate):
        return _urls(find(certificate, x509.CRLDistributionPoints) or ())


def delta_locations(certificate: x509.Certificate, crl: bytes) -> list[str]:
    """Where what has changed since the CRL was made is said to be published (RFC 5280, 4.2.1.15 and 5.2.6)."""
    with reading("CRL"):
        pointers = [find(certificate, x509.FreshestCRL), find(_load(crl), x509.FreshestCRL)]
        return _urls(point for pointer in pointers for point in pointer or ())


def crl_expires(crl: bytes) -> datetime | None:
    """Its nextUpdate, for whoever keeps it; nothing else is looked at."""
    with reading("CRL"):
        return _load(crl).next_update_utc


def read_crl(crl: bytes, issuer: x509.Certificate) -> tuple[int, list[Revoked]]:
    """The number of a complete CRL (DER or PEM), and all that it lists. BadAnswer if this issuer has not signed it."""
    with reading("CRL"):
        read = _authentic(crl, issuer)
        if find(read, x509.DeltaCRLIndicator) or find(read, x509.IssuingDistributionPoint):
            raise BadAnswer("The CRL does not list everything that its issuer has revoked.")
        number = find(read, x509.CRLNumber)
        entries = [Revoked(one.serial_number, one.revocation_date_utc, _reason(one)) for one in read]
        return (number.crl_number if number else 0), entries


def judge_crl(
    crl: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    now: datetime,
    delta: bytes | None = None,
) -> Verdict:
    """What a complete CRL (DER or PEM), with the delta CRL to it if there is one, proves.

    UNKNOWN: stale, out of scope (RFC 5280, 6.3.3), or without the delta CRL that it or the certificate points to.
    BadAnswer: unreadable, from another issuer, or not signed with the issuer's key. A delta CRL proves nothing alone.
    """
    check_issuer(certificate, issuer)
    with reading("CRL"):
        base = _authentic(crl, issuer)
        changes = None if delta is None else _authentic(delta, issuer)
        if find(base, x509.DeltaCRLIndicator):
            return unknown(CRL, "A delta CRL alone proves nothing.")
        if why := _why_useless(base, certificate, now):
            return unknown(CRL, why)
        entry = _entry(base, certificate)
        if changes is None:
            pointers = find(certificate, x509.FreshestCRL), find(base, x509.FreshestCRL)
            why = "There is a delta CRL to the CRL, which was not asked." if pointers != (None, None) else ""
        else:
            why = _why_not_combined(base, changes) or _why_useless(changes, certificate, now)
            entry = entry if why else _changed(entry, base, changes, certificate)
        ends = [one.next_update_utc for one in (base, changes) if one is not None and one.next_update_utc]
        return _revoked(entry, min(ends)) if entry else _not_listed(why, base, certificate, min(ends))


def _load(data: bytes) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_crl(data)


def _authentic(data: bytes, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    crl = _load(data)
    key = signatures.public_key_of(issuer)
    usage = find(issuer, x509.KeyUsage)
    digest = crl.signature_hash_algorithm
    if not subjects.are_same(crl.issuer, issuer.subject):
        raise BadAnswer("The CRL is from another issuer than the certificate.")
    if digest and digest.name in signatures.FORGEABLE:
        raise BadAnswer(f"The CRL is signed with {digest.name}, which can be forged.")
    if usage is not None and not usage.crl_sign:
        raise BadAnswer("The CRL is signed with a key that is not for signing CRLs.")
    if key is None or not crl.is_signature_valid(key):  # type: ignore[arg-type]  # of other keys it raises
        raise BadAnswer("The CRL is not signed with the issuer's key.")
    return crl


def _why_useless(crl: x509.CertificateRevocationList, certificate: x509.Certificate, now: datetime) -> str:
    if crl.next_update_utc is None:
        return "The CRL does not say until when it holds."
    return (
        why_stale("CRL", crl.last_update_utc, crl.next_update_utc, now)
        or _why_not_understood(crl)
        or _why_out_of_scope(crl, certificate)
    )


def _why_not_understood(crl: x509.CertificateRevocationList) -> str:
    """RFC 5280, 5.2 and 5.3: one unknown critical extension, even of another's entry, makes a CRL unusable."""
    critical = [one for one in crl.extensions if one.critical]
    if not all(isinstance(one.value, _UNDERSTOOD) for one in critical):
        return "The CRL has a critical extension that is unknown."
    # Reading the entries of a large CRL takes seconds, and hardly any has a critical extension.
    if crl.tbs_certlist_bytes.count(_CRITICAL) > len(critical):
        found = (one for entry in crl for one in entry.extensions if one.critical)
        if not all(isinstance(one.value, _UNDERSTOOD_IN_ENTRIES) for one in found):
            return "An entry of the CRL has a critical extension that is unknown."
    return ""


def _why_out_of_scope(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> str:
    """RFC 5280, 6.3.3 (b)(2)."""
    point = find(crl, x509.IssuingDistributionPoint)
    if point is None:
        return ""
    constraints = find(certificate, x509.BasicConstraints)
    is_ca = constraints is not None and constraints.ca
    if point.only_contains_attribute_certs:
        return "The CRL lists attribute certificates only."
    if point.only_contains_ca_certs and not is_ca:
        return "The CRL lists certificates of authorities only."
    if point.only_contains_user_certs and is_ca:
        return "The CRL lists certificates of end entities only."
    if (point.full_name or point.relative_name) and _reasons(point, crl, certificate) is None:
        return "The CRL is of another distribution point than the certificate's."
    return ""


def _reasons(
    point: x509.IssuingDistributionPoint, crl: x509.CertificateRevocationList, certificate: x509.Certificate
) -> bool | None:
    """Are reasons left out at the distribution point of the certificate that this CRL is of? None: it has no such."""
    named = _names(point, crl.issuer)
    matching = [
        one
        for one in find(certificate, x509.CRLDistributionPoints) or ()
        if _names(one, certificate.issuer) & named and _may_issue(crl.issuer, point, one)
    ]
    return any(one.reasons for one in matching) if matching else None


def _may_issue(name: x509.Name, point: x509.IssuingDistributionPoint, of: x509.DistributionPoint) -> bool:
    """RFC 5280, 6.3.3 (b)(1)."""
    named = [one.value for one in of.crl_issuer or () if isinstance(one, x509.DirectoryName)]
    return not of.crl_issuer or (point.indirect_crl and _is_among(name, named))


def _names(point: x509.IssuingDistributionPoint | x509.DistributionPoint, issuer: x509.Name) -> set[x509.GeneralName]:
    if point.relative_name is not None:
        return {x509.DirectoryName(x509.Name([*issuer.rdns, point.relative_name]))}
    return set(point.full_name or ())


def _not_listed(
    why: str, crl: x509.CertificateRevocationList, certificate: x509.Certificate, until: datetime
) -> Verdict:
    point = find(crl, x509.IssuingDistributionPoint)
    if point and (point.only_some_reasons or _reasons(point, crl, certificate)):
        why = why or "The CRL does not list the certificate, but covers only some reasons of revocation."
    return unknown(CRL, why) if why else Verdict(Status.GOOD, CRL, fresh_until=until)


def _entry(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> x509.RevokedCertificate | None:
    return next((entry for entry in _entries(crl, certificate) if not _is_removal(entry)), None)


def _entries(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> Iterator[x509.RevokedCertificate]:
    """Those of the certificate; in an indirect CRL an entry names the issuer of those after it (RFC 5280, 5.3.3)."""
    serial = certificate.serial_number
    if crl.get_revoked_certificate_by_serial_number(serial) is None:
        return
    point = find(crl, x509.IssuingDistributionPoint)
    issuers = [crl.issuer]
    for entry in crl:
        named = _certificate_issuer(entry)
        issuers = named or issuers
        foreign = point is not None and point.indirect_crl
        if entry.serial_number == serial and not (foreign and not _is_among(certificate.issuer, issuers)):
            yield entry


def _certificate_issuer(entry: x509.RevokedCertificate) -> list[x509.Name]:
    try:
        named = entry.extensions.get_extension_for_class(x509.CertificateIssuer).value
    except x509.ExtensionNotFound:
        return []
    return named.get_values_for_type(x509.DirectoryName)


def _is_among(name: x509.Name, names: Iterable[x509.Name]) -> bool:
    return any(subjects.are_same(name, one) for one in names)


def _why_not_combined(base: x509.CertificateRevocationList, delta: x509.CertificateRevocationList) -> str:
    """RFC 5280, 5.2.4."""
    number, since = find(base, x509.CRLNumber), find(delta, x509.DeltaCRLIndicator)
    if number is None or since is None or find(delta, x509.CRLNumber) is None:
        return "The CRL or its delta CRL has no number, so they cannot be combined."
    points = [find(one, x509.IssuingDistributionPoint) for one in (base, delta)]
    if number.crl_number < since.crl_number or points[0] != points[1]:
        return "The delta CRL is one to another CRL."
    return ""


def _changed(
    entry: x509.RevokedCertificate | None,
    base: x509.CertificateRevocationList,
    delta: x509.CertificateRevocationList,
    certificate: x509.Certificate,
) -> x509.RevokedCertificate | None:
    """The entry after the delta CRL, which can take back nothing but a certificateHold."""
    numbers = [find(one, x509.CRLNumber) for one in (base, delta)]
    if numbers[0] and numbers[1] and numbers[0].crl_number >= numbers[1].crl_number:
        return entry
    changes = list(_entries(delta, certificate))
    added = next((one for one in changes if not _is_removal(one)), None)
    held = entry is not None and _reason(entry) is x509.ReasonFlags.certificate_hold
    return added or (None if changes and held else entry)


def _revoked(entry: x509.RevokedCertificate, until: datetime) -> Verdict:
    reason = _reason(entry)
    return Verdict(
        Status.REVOKED,
        CRL,
        reason.value if reason else "",
        revoked_at=entry.revocation_date_utc,
        fresh_until=until,
    )


def _is_removal(entry: x509.RevokedCertificate) -> bool:
    return _reason(entry) is x509.ReasonFlags.remove_from_crl


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _urls(points: Iterable[x509.DistributionPoint]) -> list[str]:
    names = (name for point in points for name in point.full_name or ())
    return list(dict.fromkeys(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)))
