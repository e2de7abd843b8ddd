"""Which notifications speak up about which certificates: asked for on the pages and addresses of notifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from accounts.models import User
from accounts.service import acting
from certificates.models import Certificate
from certificates.permissions import permissions
from core.audit import Event, record
from core.commits import committing
from core.connectors import NewConnector
from notifications import service as notifications
from notifications.models import Notification
from notifications.permissions import permissions as notification_permissions


@committing("certificate.watch")
def watch(
    notification: Notification,
    *,
    add: Iterable[Certificate] = (),
    remove: Iterable[Certificate] = (),
    by: User | None = None,
) -> None:
    """Let a notification speak up about these certificates, and no more about those; what is in both is removed.

    It takes the right to change the notification, and each certificate for which this makes a difference: who is told
    that it expires is a matter of those who look after it.
    """
    by, unwanted = acting(by), dict.fromkeys(remove)
    notification_permissions.require(by, "change", notification)
    wanted = [one for one in dict.fromkeys(add) if one not in unwanted]
    known = _watched(notification, [*wanted, *unwanted])
    added = [one for one in wanted if one.pk not in known]
    removed = [one for one in unwanted if one.pk in known]
    _require_may_change([*added, *removed], by=by)
    notification.certificates.add(*added)
    notification.certificates.remove(*removed)
    fields, label = ["notifications"], [notification.label]
    for certificate in added:
        record(Event.CERTIFICATE_UPDATED, certificate, by=by, fields=fields, added=label)
    for certificate in removed:
        record(Event.CERTIFICATE_UPDATED, certificate, by=by, fields=fields, removed=label)


def _watched(notification: Notification, certificates: Sequence[Certificate]) -> set[int]:
    """Of these; a default may be about all there are."""
    rows = notification.certificates.filter(pk__in=[one.pk for one in certificates])
    return set(rows.values_list("pk", flat=True))


def _require_may_change(certificates: Sequence[Certificate], *, by: User) -> None:
    asked = Certificate.objects.filter(pk__in=[one.pk for one in certificates])
    allowed = set(permissions.allowed(by, "change", asked).values_list("pk", flat=True))
    for certificate in certificates:
        if certificate.pk not in allowed:
            message = "You are not authorized to update this certificate"
            permissions.require(by, "change", certificate, message=message)


@committing("notification.create-watching")
def create_notification(
    new: NewConnector, *, certificates: Iterable[Certificate] = (), by: User | None = None
) -> Notification:
    """A notification together with the certificates that it speaks up about."""
    by = acting(by)
    made = notifications.create(new, by=by)
    watch(made, add=certificates, by=by)
    return made


@committing("notification.update-watching")
def update_notification(
    notification: Notification,
    *,
    add: Iterable[Certificate] = (),
    remove: Iterable[Certificate] = (),
    by: User | None = None,
    **changes: Any,
) -> Notification:
    """Change a notification and the list of its certificates together."""
    by = acting(by)
    changed = notifications.update(notification, by=by, **changes)
    watch(changed, add=add, remove=remove, by=by)
    return changed
