"""Who is told of a revocation: notices, written down in the transaction of what they tell; notifications sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

import structlog

from authorities import ledger
from certificates.models import Certificate, Revocation
from core.audit import acting
from core.errors import DomainError
from notifications.models import Notice, Notification
from notifications.service import raise_notice

MAIL = "email-notification"
REVOKED = "certificate-revoked"
KINDS = {ledger.HOLD: "certificate-on-hold", ledger.RELEASE: "certificate-released"}
LONGEST = 255

log = structlog.get_logger(__name__)


def tell_of_revocation(revocation: Revocation, rows: Iterable[Certificate]) -> None:
    """The owner of each of these rows that tells people anything, and whom its notifications name: each of them once.

    The rows are of one certificate, as they were before it was revoked. What is made up for a demo is told to nobody.
    """
    told: dict[str, Notice] = {}
    for row in rows:
        if row.notify and not (row.deleted or row.demo or acting().demo):
            for notification, recipient in _recipients(row):
                notice = _notice(revocation, row, notification, recipient)
                told.setdefault(notice.dedupe, notice)
    raise_notice(*told.values())


def _recipients(certificate: Certificate) -> Iterator[tuple[Notification | None, str]]:
    yield None, certificate.owner
    for notification in certificate.notifications.filter(active=True).order_by("pk"):
        try:
            named = notification.open().recipients
        except DomainError as error:
            log.warning("notification.not-opened", notification=notification.pk, error=str(error))
            continue
        for recipient in named or (notification.label,):
            yield notification, recipient


def _notice(
    revocation: Revocation, certificate: Certificate, notification: Notification | None, recipient: str
) -> Notice:
    channel = notification.plugin if notification else MAIL
    whom = sha256(f"{channel} {recipient.lower()}".encode()).hexdigest()
    kind = KINDS.get(revocation.reason, REVOKED)
    return Notice(
        kind=kind,
        notification=notification,
        recipient=recipient,
        channel=channel,
        subject_label=f"{certificate} ({revocation.reason})"[:LONGEST],
        subject_url=certificate.get_absolute_url(),
        dedupe=f"{kind}:{revocation.pk}:{whom}",
    )
