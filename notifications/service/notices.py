"""Notices: written down once for each recipient, and told in as few messages as possible."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

from django.db.models import Min
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import system_user
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import DomainError, Unavailable
from core.failpoints import around
from core.jobs import Job, LeaseLost
from notifications import messages
from notifications.models import Notice
from pki.errors import PkiError
from plugins import Misconfigured, Notifier, PluginError, Temporary, parse, registry

AT_ONCE = {"interval": 1, "unit": "days"}  # an alarm waits for nothing; the options must be there


@committing("notice.raise")
def raise_notice(*notices: Notice) -> None:
    """Write down that these must be told; those that were, by their dedupe key, are not written again.

    Each names kind, recipient, channel, subject_label, dedupe, and if there is one the notification that asks for it.
    """
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


def due_recipients(limit: int = 1000) -> list[tuple[str, str]]:
    """Recipient and channel of what a sweep should have told, longest waiting first."""
    waiting = Notice.objects.due().order_by().values("recipient", "channel").annotate(since=Min("not_before"))
    return list(waiting.order_by("since", "recipient").values_list("recipient", "channel")[:limit])


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
    plugin = registry.get(notice.channel, "notification")
    return cast(Notifier, plugin(parse(plugin.Options, {**AT_ONCE, "recipients": notice.recipient})))


@committing("notice.sent")
def _close(notices: Sequence[Notice], *, by: User, now: datetime) -> None:
    for notice in notices:
        notice.succeed(sent_at=now)
    record(Event.NOTICE_SENT, notices[0], by=by, recipient=notices[0].recipient, notices=len(notices))


@committing("notice.failed")
def _put_off(notices: Sequence[Notice], error: Exception, *, by: User, now: datetime) -> None:
    """Later again, or if that is hopeless never; only the latter is an event."""
    permanent = not isinstance(error, Temporary | Misconfigured | Unavailable)
    for notice in notices:
        notice.fail(str(error), permanent=permanent, now=now)
    if lost := [notice for notice in notices if notice.state == Job.State.FAILED]:
        record(Event.NOTICE_FAILED, lost[0], by=by, recipient=lost[0].recipient, notices=len(lost), error=str(error))
