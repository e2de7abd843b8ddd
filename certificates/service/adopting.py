"""After a restore: what our authorities signed, and said in their lists, and the database has forgotten.

Their signature is the proof of it. It is enough for whoever runs this installation, who calls this by a command, but
for nobody else: who has stolen the key of a CA must not have what they sign called good because they upload it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from cryptography import x509
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from authorities import ledger, publishing
from authorities.models import Authority, Issuance
from certificates.models import Certificate
from certificates.models.certificate import Status
from certificates.service.importing import import_certificate
from core.audit import Event, record
from core.commits import committing
from core.errors import NotFound
from pki import chains, inspection, revocation, subjects
from pki.errors import BadAnswer
from pki.signing import Revoked

IN_AN_EVENT = 500
"""Serial numbers that one line of the audit log holds."""


def adopt(certificate: x509.Certificate, *, by: User, now: datetime) -> bool:
    """Enter it into the ledger of the authority of ours that signed it, and take it in; False if all of that is known.

    Its owner is the authority's. NotFound: none of ours has signed it. Whatever interrupts it, it can be called again.
    """
    authority = _signer(certificate)
    if authority.certificate == certificate:  # a root, which is in no ledger
        return False
    ledger.known(authority, certificate)  # before anything is written
    taken_in = _take_in(authority, certificate, by=by, now=now)
    return _enter(authority, certificate, by=by, now=now) or taken_in


def adopt_crl(crl: bytes, *, by: User, now: datetime) -> int:
    """Revoke whatever a list of one of our authorities (DER or PEM) has and its ledger does not; how many these are.

    One that is no newer than the newest that is known says nothing: a hold on it may be over. NotFound: none of ours
    has signed it.
    """
    authority, number, entries = _list(crl)
    last = publishing.newest_crl(authority)
    if last is not None and number <= last.number:
        return 0
    return len(_enter_all(authority, entries, by=by, now=now))


def _signer(certificate: x509.Certificate) -> Authority:
    for authority in _ours():
        named = subjects.are_same(certificate.issuer, authority.certificate.subject)
        if named and chains.is_signed_by(certificate, authority.certificate):
            return authority
    raise NotFound(f"No authority here, of which the key is here, has signed '{chains.label(certificate)}'.")


def _list(crl: bytes) -> tuple[Authority, int, list[Revoked]]:
    for authority in _ours():
        try:
            return authority, *revocation.read_crl(crl, authority.certificate)
        except BadAnswer:
            continue
    raise NotFound("No authority here, of which the key is here, has signed this list, or it lists only a part.")


def _ours() -> Iterator[Authority]:
    return filter(ledger.is_kept, Authority.objects.order_by("pk"))


@committing("ledger.adopt")
def _enter(authority: Authority, certificate: x509.Certificate, *, by: User, now: datetime) -> bool:
    """A source may have found it meanwhile, as one of nobody that is known; a list may have said that it is revoked."""
    entered = ledger.adopt(authority, certificate)
    stray = _known(certificate).filter(authority=None, root_authority=None).values("pk").order_by("pk")[:1]
    claimed = Certificate.objects.filter(pk__in=stray).update(authority=authority)
    if entered or claimed:
        record(Event.LEDGER_ADOPTED, authority, by=by, serials=[str(certificate.serial_number)])
    _follow_ledger(_known(certificate), authority, by=by, now=now)
    return bool(entered or claimed)


@committing("ledger.adopt-list")
def _enter_all(authority: Authority, entries: Iterable[Revoked], *, by: User, now: datetime) -> list[str]:
    """The serial numbers of which nobody knew that they are revoked."""
    old = ledger.revoked_serials(authority)  # most of a long list
    new = [str(one.serial) for one in entries if one.serial not in old and ledger.adopt_revocation(authority, one)]
    for start in range(0, len(new), IN_AN_EVENT):
        record(Event.LEDGER_ADOPTED, authority, by=by, serials=new[start : start + IN_AN_EVENT])
    _follow_ledger(Certificate.objects.all(), authority, by=by, now=now)
    return new


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
    """Those of the rows that the ledger calls revoked are."""
    revoked = Issuance.objects.filter(authority=authority, serial=OuterRef("serial"), revoked_at__isnull=False)
    issued = rows.filter(Q(authority=authority) | Q(root_authority__parent=authority)).exclude(status=Status.REVOKED)
    for certificate in issued.filter(Exists(revoked)):
        before = certificate.status
        Certificate.objects.filter(pk=certificate.pk).update(status=Status.REVOKED, status_checked_at=now)
        record(Event.CERTIFICATE_FOUND_REVOKED, certificate, by=by, said_by="ledger", before=before)
