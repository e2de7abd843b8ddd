"""What nobody has acknowledged: after some days, somebody else hears of it, as long as it still matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now as clock

from lifecycle import expiry
from lifecycle.models import Alarm
from notifications.models import Notice
from notifications.service import Address, by_mail, raise_notice, snoozed, topic

NOT_ACKNOWLEDGED = "not-acknowledged"
AT_ONCE = 500


def escalate(*, now: datetime | None = None) -> None:
    """Write down what LEMUR_ESCALATION_EMAIL, else the security team, must hear: each thing once."""
    for notices in missing(now or clock()):
        raise_notice(*notices)


def missing(now: datetime) -> Iterator[list[Notice]]:
    """What is not written down yet, bit by bit; the notices are not saved."""
    days = settings.LEMUR_ESCALATION_DAYS
    to = by_mail(*(settings.LEMUR_ESCALATION_EMAIL or settings.LEMUR_SECURITY_TEAM_EMAIL))
    if days <= 0 or not to:
        return
    for topics in _that_matter(now):
        found = list(_unanswered(topics, to, now=now, before=now - timedelta(days=days)))
        names = [one.dedupe for one in found]
        known = set(Notice.objects.filter(dedupe__in=names).values_list("dedupe", flat=True)) if names else set()
        yield [one for one in found if one.dedupe not in known]


def _that_matter(now: datetime) -> Iterator[Sequence[str]]:
    """In pages: what an open alarm is about, and certificates that end and of which somebody wants to hear."""
    alarms = list(Alarm.objects.filter(resolved_at=None).values_list("topic", flat=True))
    yield from (alarms[at : at + AT_ONCE] for at in range(0, len(alarms), AT_ONCE))
    for subject in expiry.subjects():
        for page in expiry.pages(subject, now):
            yield [topic(one) for one in page]


def _unanswered(topics: Sequence[str], to: Sequence[Address], *, now: datetime, before: datetime) -> Iterator[Notice]:
    quiet = snoozed(topics, now=now)
    told = Notice.objects.filter(topic__in=[one for one in topics if one not in quiet], sent_at__lte=before)
    for notice in told.filter(acknowledged_at=None).exclude(kind=NOT_ACKNOWLEDGED).order_by("pk"):
        for address in to:
            yield address.notice(NOT_ACKNOWLEDGED, notice.dedupe.rpartition(":")[0], **_said(notice))


def _said(notice: Notice) -> dict[str, Any]:
    assert notice.sent_at is not None  # noqa: S101  the query says so
    about = {"topic": notice.topic, "label": notice.subject_label, "url": notice.subject_url}
    return {**about, "facts": {**notice.facts, "told": notice.recipient, "told_at": notice.sent_at.isoformat()}}
