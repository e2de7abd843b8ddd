"""Notifications: making, changing and deleting them, and trying one out."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from django.utils.timezone import now as clock

from accounts.models import User
from core import connectors
from core.audit import Event, record
from core.commits import committing
from core.connectors import NewConnector, foreign
from core.errors import Forbidden, Precondition, Throttled, Unavailable
from core.failpoints import around
from core.models import AuditEntry
from notifications import messages
from notifications.models import Notification
from notifications.permissions import may_be_called, permissions
from pki.errors import PkiError
from plugins import Notifier, PluginError, Temporary

TESTS, TEST_WINDOW = 10, timedelta(minutes=5)  # messages that one person may have sent to whomever they like


def create(new: NewConnector, *, by: User) -> Notification:
    """A notification, which watches no certificate yet. Errors as those of core.connectors.create."""
    return connectors.create(
        Notification(creator=by),
        new,
        by=by,
        event=Event.NOTIFICATION_CREATED,
        message="You are not authorized to create notifications.",
        may_be_called=partial(_require_may_be_called, by=by),
    )


def update(notification: Notification, *, by: User, **changes: Any) -> Notification:
    """Change label, description, active, plugin or options; see core.connectors.update."""
    return connectors.update(
        notification,
        changes,
        by=by,
        event=Event.NOTIFICATION_UPDATED,
        message="You are not authorized to change this notification.",
        may_be_called=partial(_require_may_be_called, by=by),
    )


def delete(notification: Notification, *, by: User) -> None:
    """From now on nobody is told through it. What it was to tell already is still told."""
    message = "You are not authorized to delete this notification."
    connectors.delete(notification, by=by, event=Event.NOTIFICATION_DELETED, message=message)


def _require_may_be_called(label: str, *, by: User) -> None:
    if not may_be_called(by, label):
        raise Forbidden("Labels like DEFAULT_NAME_30_DAY are those of an owner's own notifications; take another one.")


def send_test(notification: Notification, *, by: User, now: datetime | None = None) -> tuple[str, ...]:
    """Send a message that says it is a test; returns to whom.

    Unavailable if it may work later, Precondition if somebody must change something first, Throttled after too many.
    """
    permissions.require(by, "change", notification, message="You are not authorized to test this notification.")
    notifier = _opened(notification)
    _allow_test(notification, by=by, now=now or clock())
    message = messages.of_test(notification, by=by)
    try:
        with around("notifier.test"), foreign(notification.plugin, notification=str(notification)):
            notifier.send(message, notifier.recipients)
    except (PluginError, PkiError) as error:
        _record_failure(notification, by=by, error=str(error))
        raise (Unavailable if isinstance(error, Temporary) else Precondition)(str(error)) from error
    return notifier.recipients


def _opened(notification: Notification) -> Notifier:
    return cast(Notifier, notification.open())


@committing("notification.test")
def _allow_test(notification: Notification, *, by: User, now: datetime) -> None:
    """It counts before it is sent; with the lock on the person's row, also among several sent at once."""
    User.objects.select_for_update().get(pk=by.pk)
    recent = AuditEntry.objects.filter(event=Event.NOTIFICATION_TESTED, actor=by, at__gt=now - TEST_WINDOW)
    if recent.count() >= TESTS:
        raise Throttled(f"You have sent {TESTS} test messages in five minutes. Try again later.")
    record(Event.NOTIFICATION_TESTED, notification, by=by)


@committing("notification.test-failed")
def _record_failure(notification: Notification, *, by: User, error: str) -> None:
    record(Event.NOTIFICATION_FAILED, notification, by=by, error=error)
