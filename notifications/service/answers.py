"""What people answer to what they were told: that they know, or that it can wait."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.utils.timezone import now as clock

from accounts.models import User
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid, Precondition
from notifications.models import Notice, Snooze
from notifications.permissions import notice_permissions

LONGEST_DAYS = 90
FORBIDDEN = "You are not authorized to answer this notice."


@committing("notice.acknowledge")
def acknowledge(notice: Notice, *, by: User, now: datetime | None = None) -> Notice:
    """Whoever was told knows of it: what was told of the same thing, to whomever, is answered with it."""
    notice_permissions.require(by, "answer", notice, message=FORBIDDEN)
    same = {"kind": notice.kind, "topic": notice.topic} if notice.topic else {"pk": notice.pk}
    if Notice.objects.filter(**same, acknowledged_at=None).update(acknowledged_at=now or clock(), acknowledged_by=by):
        record(Event.NOTICE_ACKNOWLEDGED, notice, by=by)
    notice.refresh_from_db()
    return notice


@committing("notice.snooze")
def snooze(notice: Notice, *, days: int, by: User, now: datetime | None = None) -> Snooze:
    """Nobody hears of the same thing for so many days; then whatever became due meanwhile is told.

    Precondition if the notice is about nothing that could be due again; Invalid names ``days``.
    """
    notice_permissions.require(by, "answer", notice, message=FORBIDDEN)
    if not notice.topic:
        raise Precondition("This notice is about nothing of which there would be another one.")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid.field("days", f"A number of days from 1 to {LONGEST_DAYS}.")
    until = (now or clock()) + timedelta(days=days)
    made, _ = Snooze.objects.update_or_create(topic=notice.topic, defaults={"until": until, "by": by})
    record(Event.NOTICE_SNOOZED, notice, by=by, until=until.isoformat())
    return made


def snoozed(topics: Collection[str], *, now: datetime) -> set[str]:
    """Of which of these nobody shall hear now."""
    return set(Snooze.objects.filter(topic__in=topics, until__gt=now).values_list("topic", flat=True))
