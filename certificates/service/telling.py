"""Who is told of a revocation: notices, written down in the transaction of what they tell; notifications sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from authorities import ledger
from certificates.models import Certificate, Revocation
from core.audit import acting
from notifications.models import Notice
from notifications.service import Address, addresses_of, by_mail, raise_notice, topic

REVOKED = "certificate-revoked"
KINDS = {ledger.HOLD: "certificate-on-hold", ledger.RELEASE: "certificate-released"}


def tell_of_revocation(revocation: Revocation, rows: Iterable[Certificate]) -> None:
    """The owner of each of these rows that tells people anything, and whom its notifications name: each of them once.

    The rows are of one certificate, as they were before it was revoked. What is made up for a demo is told to nobody.
    """
    told: dict[str, Notice] = {}
    for row in rows:
        if row.notify and not (row.deleted or row.demo or acting().demo):
            for address in _addresses(row):
                notice = _notice(revocation, row, address)
                told.setdefault(notice.dedupe, notice)
    raise_notice(*told.values())


def _addresses(certificate: Certificate) -> Iterator[Address]:
    yield from by_mail(certificate.owner)
    for notification in certificate.notifications.filter(active=True).order_by("pk"):
        yield from addresses_of(notification)


def _notice(revocation: Revocation, certificate: Certificate, address: Address) -> Notice:
    kind = KINDS.get(revocation.reason, REVOKED)
    return address.notice(
        kind,
        str(revocation.pk),
        topic=topic(certificate),
        label=f"{certificate} ({revocation.reason})",
        url=certificate.get_absolute_url(),
    )
