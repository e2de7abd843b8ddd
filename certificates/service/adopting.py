"""After a restore: what our authorities signed, and said in their lists, and the database has forgotten.

Their signature is the proof of it. It is enough for whoever runs this installation, who calls this by a command, but
for nobody else: who has stolen the key of a CA must not have what they sign called good because they upload it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from cryptography import x509
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from authorities import ledger, publishing
from authorities.models import Authority, Issuance
from certificates.models import Certificate, Revocation
from certificates.models.certificate import Status
from certificates.service.importing import import_certificate
from certificates.service.revoking import revoke
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid, NotFound, Precondition
from pki import chains, inspection, revocation, subjects
from pki.errors import BadAnswer
from pki.signing import Revoked

IN_AN_EVENT = 500
"""Serial numbers that one line of the audit log holds."""


def adopt(certificate: x509.Certificate, *, by: User, now: datetime) -> bool:
    """Enter it into the ledger of the authority of ours that signed it, and take it in; False if all of that is known.

    Its owner is the authority's. NotFound: none of ours has signed it. Whatever interrupts it, it can be called again.
    """
    authority = _issuer(certificate)
    if authority.certificate == certificate:  # a root, which is in no ledger
        return False
    ledger.known(authority, certificate)  # before anything is written
    taken_in = _take_in(authority, certificate, by=by, now=now)
    entered = _enter(authority, certificate, by=by)
    _follow_ledger(_known(certificate), authority, by=by, now=now)
    return entered or taken_in


def adopt_crl(crl: bytes, *, by: User, now: datetime) -> int:
    """Revoke whatever a list of one of our authorities (DER or PEM) has and its ledger does not; how many these are.

    NotFound: none of ours has signed it. Precondition: it is no newer than the newest that is known, so that the holds
    on it may be over; everything else of it was entered. Invalid: somewhere a revoked certificate could not be taken
    away. Whatever interrupts it, it can be called again.
    """
    signers, number, entries = _signers(crl)
    new, doubtful = 0, 0
    for authority, its_own in _by_ledger(signers, entries).items():
        last = publishing.newest_crl(authority)
        told = [one for one in its_own if last is None or number > last.number or not ledger.is_hold(one)]
        new += _enter_all(authority, told, by=by)
        doubtful += len(its_own) - len(told)
        _follow_ledger(Certificate.objects.all(), authority, by=by, now=now)
    if doubtful:
        raise Precondition(f"{new} revocations were entered, but not its {doubtful} holds: a newer list is known here.")
    return new


def _issuer(certificate: x509.Certificate) -> Authority:
    """Of several authorities with one name and key, the one whose ledger has it, else the first."""
    signers = [one for one in _ours() if _has_signed(one, certificate)]
    if not signers:
        raise NotFound(f"No authority here, of which the key is here, has signed '{chains.label(certificate)}'.")
    return _holder(signers, certificate.serial_number)


def _has_signed(authority: Authority, certificate: x509.Certificate) -> bool:
    named = subjects.are_same(certificate.issuer, authority.certificate.subject)
    return named and chains.is_signed_by(certificate, authority.certificate) is True


def _signers(crl: bytes) -> tuple[list[Authority], int, list[Revoked]]:
    """Several authorities may have one name and key, and so one list."""
    found: list[Authority] = []
    number, entries = 0, list[Revoked]()
    for authority in _ours():
        try:
            number, entries = revocation.read_crl(crl, authority.certificate)
        except BadAnswer:
            continue
        found.append(authority)
    if not found:
        raise NotFound("No authority here, of which the key is here, has signed this list, or it lists only a part.")
    return found, number, entries


def _by_ledger(signers: list[Authority], entries: Iterable[Revoked]) -> dict[Authority, list[Revoked]]:
    parts: dict[Authority, list[Revoked]] = {authority: [] for authority in signers}
    for entry in entries:
        parts[_holder(signers, entry.serial)].append(entry)
    return parts


def _holder(signers: list[Authority], serial: int) -> Authority:
    if len(signers) == 1:
        return signers[0]
    line = Issuance.objects.filter(authority__in=signers, serial=str(serial)).order_by("pk").first()
    return next((one for one in signers if line is not None and one.pk == line.authority_id), signers[0])


def _ours() -> Iterator[Authority]:
    return filter(ledger.is_kept, Authority.objects.order_by("pk"))


@committing("ledger.adopt")
def _enter(authority: Authority, certificate: x509.Certificate, *, by: User) -> bool:
    """A source may have found it meanwhile, as one of nobody that is known: then it is its authority's."""
    serial = str(certificate.serial_number)
    entered, claimed = ledger.adopt(authority, certificate), 0
    if not Certificate.objects.filter(authority=authority, serial=serial).exists():
        stray = _known(certificate).filter(authority=None, root_authority=None).values("pk").order_by("pk")[:1]
        claimed = Certificate.objects.filter(pk__in=stray).update(authority=authority)
    if entered or claimed:
        record(Event.LEDGER_ADOPTED, authority, by=by, serials=[serial])
    return bool(entered or claimed)


@committing("ledger.adopt-list")
def _enter_all(authority: Authority, entries: Iterable[Revoked], *, by: User) -> int:
    """Of how many nobody knew that they are revoked."""
    old = ledger.revoked_serials(authority)  # most of a long list
    new = [str(one.serial) for one in entries if one.serial not in old and ledger.adopt_revocation(authority, one)]
    for start in range(0, len(new), IN_AN_EVENT):
        record(Event.LEDGER_ADOPTED, authority, by=by, serials=new[start : start + IN_AN_EVENT])
    return len(new)


def _take_in(authority: Authority, certificate: x509.Certificate, *, by: User, now: datetime) -> bool:
    """As one of nobody that is known, until the ledger has it."""
    if _known(certificate).exists():
        return False
    chain = "".join([authority.body, authority.chain or ""])
    import_certificate(body=inspection.pem(certificate), chain=chain, owner=authority.owner, by=by, now=now)
    return True


def _known(certificate: x509.Certificate) -> QuerySet[Certificate]:
    return Certificate.objects.filter(fingerprint=inspection.fingerprint(certificate))


def _follow_ledger(rows: QuerySet[Certificate], authority: Authority, *, by: User, now: datetime) -> None:
    """Those of the rows that the ledger calls revoked are revoked as any other, with all that follows from it.

    So are those on hold that it calls revoked for good.
    """
    line = Issuance.objects.filter(authority=authority, serial=OuterRef("serial"), revoked_at__isnull=False)
    done = Revocation.objects.filter(certificate=OuterRef("pk"), state=Revocation.State.DONE)
    held = Exists(done.filter(reason=ledger.HOLD)) & ~Exists(done.exclude(reason__in=[ledger.HOLD, ledger.RELEASE]))
    issued = rows.filter(Q(authority=authority) | Q(root_authority__parent=authority))
    told = issued.annotate(said=Subquery(line.values("reason")[:1])).exclude(said=None)
    problems = []
    for certificate in told.filter(~Q(status=Status.REVOKED) | Q(held) & ~Q(said=ledger.HOLD)):
        try:
            revoke(certificate, certificate.said, comments="As a revocation list says.", force=True, by=by, now=now)
        except Invalid as error:
            problems.append(str(error))
    if problems:
        raise Invalid(" ".join(problems))
