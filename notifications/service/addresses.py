"""Whom something is told to, and how it reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import structlog
from django.db.models import Model

from core.errors import DomainError
from notifications.models import Notice, Notification
from pki.names import printable

MAIL = "email-notification"
LONGEST_LABEL = 255

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Address:
    """A recipient and what carries messages there: see Notification.channel. ``notification`` is the id of that one."""

    channel: str
    recipient: str
    notification: int | None = None

    @cached_property
    def key(self) -> str:
        """The same for all that reach the same recipient in the same way."""
        return sha256(f"{self.channel} {self.recipient.lower()}".encode()).hexdigest()

    def dedupe(self, kind: str, occasion: str) -> str:
        """What names the notice that somebody is told there, once for this occasion."""
        return f"{kind}:{occasion}:{self.key}"

    def notice(self, kind: str, occasion: str, *, label: str, url: str, **fields: Any) -> Notice:
        """Something to be told there once for this ``occasion``; ``url`` is the path of its page. It is not saved."""
        return Notice(
            kind=kind,
            notification_id=self.notification,
            recipient=self.recipient,
            channel=self.channel,
            subject_label=printable(label)[:LONGEST_LABEL],
            subject_url=url,
            dedupe=self.dedupe(kind, occasion),
            **fields,
        )


def topic(row: Model) -> str:
    """How a notice names what it is about: its column of that name."""
    return f"{row._meta.label_lower}:{row.pk}"


def addresses_of(notification: Notification) -> tuple[Address, ...]:
    """Whom a notification names; itself, where it names a place. Nobody, and a line in the log, if it does not open."""
    try:
        named = notification.open().recipients
    except DomainError as error:
        log.warning("notification.not-opened", notification=notification.pk, error=str(error))
        return ()
    return tuple(Address(notification.channel, one, notification.pk) for one in named or (notification.label,))


def by_mail(*recipients: str) -> tuple[Address, ...]:
    """Mail to each of these that is somebody."""
    return tuple(Address(MAIL, recipient) for recipient in recipients if recipient)
