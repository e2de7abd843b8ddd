"""Notifications: making, changing and deleting them, and trying one out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts.models import User
from core.audit import Event, record
from core.commits import committing
from core.connectors import Given, foreign
from core.errors import Conflict, Forbidden, Invalid, NotFound, Precondition, Throttled, Unavailable
from core.failpoints import around
from core.models import AuditEntry
from notifications import messages
from notifications.models import Notification
from notifications.permissions import may_be_called, permissions
from pki.errors import PkiError
from pki.names import printable
from plugins import Notifier, PluginError, Temporary

CHANGEABLE = frozenset({"label", "description", "active", "plugin", "options"})
TESTS, TEST_WINDOW = 10, timedelta(minutes=5)  # messages that one person may have sent to whomever they like


@dataclass(frozen=True, kw_only=True)
class NewNotification:
    """What a person says about a notification that they make. ``options`` are the plugin's, as on the wire."""

    label: str
    plugin: str
    options: Given = None
    description: str = ""
    active: bool = True


@committing("notification.create")
def create(new: NewNotification, *, by: User) -> Notification:
    """A notification, which watches no certificate yet. Conflict if the label is taken."""
    permissions.require(by, "create", message="You are not authorized to create notifications.")
    made = Notification(description=new.description, active=new.active, creator=by)
    _call(made, new.label, by=by)
    made.configure(new.plugin, new.options)
    _save(made)
    record(Event.NOTIFICATION_CREATED, made, by=by, plugin=made.plugin)
    return made


@committing("notification.update")
def update(notification: Notification, *, by: User, **changes: Any) -> Notification:
    """Change label, description, active, plugin or options; of a plugin that stays, absent options stay too."""
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"update() got unexpected fields: {sorted(unknown)}")
    changed = _locked(notification.pk)
    permissions.require(by, "change", changed, message="You are not authorized to change this notification.")
    if "label" in changes:
        _call(changed, changes["label"], by=by)
    if changes.get("options") is not None or changes.get("plugin", changed.plugin) != changed.plugin:
        changed.configure(changes.get("plugin", changed.plugin), changes.get("options"))
    for name in ("description", "active"):
        setattr(changed, name, changes.get(name, getattr(changed, name)))
    _save(changed)
    record(Event.NOTIFICATION_UPDATED, changed, by=by, fields=sorted(changes))
    return changed


@committing("notification.delete")
def delete(notification: Notification, *, by: User) -> None:
    """From now on nobody is told through it. What it was to tell already is still told."""
    gone = _locked(notification.pk)
    permissions.require(by, "delete", gone, message="You are not authorized to delete this notification.")
    record(Event.NOTIFICATION_DELETED, gone, by=by, plugin=gone.plugin)
    gone.delete()


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


def _call(notification: Notification, label: str, *, by: User) -> None:
    label = label.strip()
    if not label or label != printable(label):
        raise Invalid.field("label", "A label is one line of visible characters.")
    if label != notification.label and not may_be_called(by, label):
        raise Forbidden("Labels like DEFAULT_NAME_30_DAY are those of an owner's own notifications; take another one.")
    notification.label = label


def _save(notification: Notification) -> None:
    try:
        with transaction.atomic():
            notification.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a notification with the label {notification.label}.") from error


def _locked(pk: int) -> Notification:
    """The row as it is now, kept from others until the transaction ends."""
    found = Notification.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such notification.")
    return found
