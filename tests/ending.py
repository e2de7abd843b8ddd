"""Certificates for tests of what is told before they end: one is issued, the others are rows like it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from accounts.models import User
from certificates.models import Certificate
from notifications.models import Notification
from tests.notifying import a_notification
from tests.pki_material import material

LIFETIME = timedelta(days=398)


def ending(
    by: User,
    at: datetime,
    *,
    cn: str = "www.example.org",
    lifetime: timedelta = LIFETIME,
    told: Iterable[Notification] = (),
    **columns: object,
) -> Certificate:
    """One that ends then, about which these notifications speak up. Its text is not its own; nobody reads it here."""
    [made] = many_ending(by, [(cn, at - lifetime, at)], told=told, **columns)
    return made


def many_ending(
    by: User, spans: Sequence[tuple[str, datetime, datetime]], *, told: Iterable[Notification] = (), **columns: object
) -> list[Certificate]:
    """By common name, beginning and end."""
    body = material().leaf.pem
    rows = []
    for cn, start, end in spans:
        made = Certificate.from_body(body, user=by, **{"owner": by.email, **columns})
        made.name, made.cn, made.not_before, made.not_after = f"{cn}-{uuid.uuid4().hex[:12]}", cn, start, end
        rows.append(made)
    rows = Certificate.objects.bulk_create(rows)
    link = Certificate.notifications.through
    notifications = list(told)
    link.objects.bulk_create(link(certificate=row, notification=one) for row in rows for one in notifications)
    return rows


def mail_before(by: User, interval: int, unit: str = "days", *, to: str = "web@example.org") -> Notification:
    """Mail to the web team, so long before the end."""
    options = {"interval": interval, "unit": unit, "recipients": to}
    return a_notification(by, label=f"{interval} {unit} to {to}", options=options)
