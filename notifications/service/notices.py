"""Notices: written down once for each recipient, and told in as few messages as possible."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

from django.db.models import Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import Conflict, DomainError, Unavailable
from core.failpoints import around
from core.jobs import NOTHING_TO_RETRY, Job, LeaseLost
from core.queue import enqueue
from notifications import messages
from notifications.models import Notice
from notifications.permissions import notice_permissions
from pki.errors import PkiError
from plugins import Misconfigured, Notifier, Permanent, PluginError, Temporary, parse, registry

ALARM = {"interval": 1, "unit": "days"}  # it waits for nothing; the options must be there
AT_ONCE = 500


@committing("notice.raise")
def raise_notice(*notices: Notice) -> None:
    """Write down that these must be told; those that were, by their dedupe key, are not written again.

    Each names kind, recipient, channel, subject_label, dedupe, and if there is one the notification that asks for it.
    """
    Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=AT_ONCE)


@committing("notice.release")
def release(held: datetime, *, now: datetime) -> int:
    """What was written down to be told no sooner than ``held`` may be told now; how many those are.

    A run that raises notices bit by bit holds them until it has all, so that nobody gets its beginning in one message
    and the rest in another. If it dies, ``held`` comes.
    """
    return Notice.objects.filter(state=Job.State.WAITING, not_before=held, attempts=0).update(not_before=now)


@committing("notice.retry")
def retry_notice(notice: Notice, *, by: User | None = None, now: datetime | None = None) -> None:
    """The message that it stands in is due now, whether given up or put off. Conflict if it is at work or sent."""
    by = acting(by)
    notice_permissions.require(by, "change", notice)
    batch = Notice.objects.select_for_update().values_list("batch", flat=True).get(pk=notice.pk)
    message = Q(batch=batch, acknowledged_at=None) if batch else Q(pk=notice.pk)
    number = Notice.objects.filter(message).hasten(now=now or clock())
    if not number:
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.NOTICE_RETRIED, notice, by=by, recipient=notice.recipient, notices=number)
    enqueue("notifications.tell", notice.recipient, notice.channel)


def waiting_recipients(now: datetime | None = None) -> list[tuple[str, str]]:
    """Whom a sweep must tell something, and through which channel: each once, however much there is to tell."""
    return Notice.objects.waiting_recipients(now)[:AT_ONCE]


def tell(recipient: str, channel: str, *, now: datetime | None = None) -> bool:
    """Send one message with everything that this recipient must be told through this channel now.

    False if there is nothing to tell, or if it did not work: then the notices say why, and when to try again.
    """
    now = now or clock()
    notices = Notice.objects.claim_for(recipient, channel, now=now)
    if not notices:
        return False
    by = system_user()
    try:
        with foreign(channel, recipient=recipient):
            notifier, message = _notifier(notices[0]), messages.of_notices(notices)
        with around("notifier.send"), foreign(channel, recipient=recipient):
            notifier.send(message, [recipient])
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _put_off(notices, error, by=by, now=now)
        return False
    # Whoever took them over while we slept sends the same message again, and closes them.
    with suppress(LeaseLost):
        _close(notices, by=by, now=now)
    return True


def _notifier(notice: Notice) -> Notifier:
    """What carries it: configured by the notification that asks for it, or for an alarm, by the recipient alone."""
    if notice.notification is not None:
        return cast(Notifier, notice.notification.open())
    if notice.channel != notice.plugin:
        raise Permanent("The notification that would have carried it was deleted.")
    plugin = registry.get(notice.plugin, "notification")
    return cast(Notifier, plugin(parse(plugin.Options, {**ALARM, "recipients": notice.recipient})))


@committing("notice.sent")
def _close(notices: Sequence[Notice], *, by: User, now: datetime) -> None:
    """What had to wait for this message, since it belongs to another one, need not wait for the next sweep too."""
    recipient, channel = notices[0].recipient, notices[0].channel
    Notice.objects.close(notices, state=Job.State.DONE, last_error="", sent_at=now)
    record(Event.NOTICE_SENT, notices[0], by=by, recipient=recipient, notices=len(notices))
    if Notice.objects.due(now).filter(recipient=recipient, channel=channel).exists():
        enqueue("notifications.tell", recipient, channel)


@committing("notice.failed")
def _put_off(notices: Sequence[Notice], error: Exception, *, by: User, now: datetime) -> None:
    """Later again, or if that is hopeless never; only the latter is an event. What is told together fails together."""
    permanent = not isinstance(error, Temporary | Misconfigured | Unavailable)
    outcome = notices[0].after_failure(str(error), permanent=permanent, now=now)
    if isinstance(error, Temporary) and error.retry_after and "not_before" in outcome:
        outcome["not_before"] = max(outcome["not_before"], now + error.retry_after)
    Notice.objects.close(notices, **outcome)
    if outcome["state"] == Job.State.FAILED:
        told, number = notices[0].recipient, len(notices)
        record(Event.NOTICE_FAILED, notices[0], by=by, recipient=told, notices=number, error=str(error))
