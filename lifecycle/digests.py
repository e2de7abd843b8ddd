"""What is told by the calendar: each owner's digest of the week, and the security team's summary of the day.

Both say what ends soon and name the week or the day they are of, so that each is told once, on whatever day of the week
or hour of the day the first sweep runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now as clock
from django.utils.translation import ngettext

from certificates.models import Certificate, CertificateQuerySet
from notifications.kinds import EXPIRING_PAGE
from notifications.models import Notice
from notifications.service import by_mail, raise_notice

WEEKLY, DAILY = "weekly-digest", "security-summary"
DIGEST_DAYS = 30
MOST_LISTED = 20


class Ending(NamedTuple):
    """A certificate that ends, as a list needs it."""

    owner: str
    pk: int
    cn: str | None
    name: str
    not_after: datetime


def send_digests(*, now: datetime | None = None) -> None:
    """Write down what is to be told of this week and of today, unless it is nothing."""
    for notices in filter(None, missing(now or clock())):
        raise_notice(*notices)


def missing(now: datetime) -> Iterator[list[Notice]]:
    """All of the week, then all of the day, for whom it is not written down yet; the notices are not saved."""
    year, number, _day = now.isocalendar()
    if settings.LEMUR_WEEKLY_DIGEST:
        yield list(_of_the_week(now, f"{year}-W{number:02}"))
    if settings.LEMUR_SECURITY_TEAM_EMAIL and settings.LEMUR_EXPIRATION_SUMMARY_EMAIL_THRESHOLD_DAYS > 0:
        yield list(_of_the_day(now, now.date().isoformat()))


def _told(kind: str, occasion: str) -> QuerySet[Notice, str]:
    """Who needs no other one: their certificates are not read anew each hour."""
    return (
        Notice.objects.filter(dedupe__startswith=f"{kind}:{occasion}:").order_by().values_list("recipient", flat=True)
    )


def _of_the_week(now: datetime, week: str) -> Iterator[Notice]:
    rows = _ending(now, DIGEST_DAYS).exclude(owner__in=_told(WEEKLY, week)).order_by("owner", "not_after", "pk")
    for owner, group in groupby(_read(rows), key=lambda one: one.owner):
        listed, total = _first(group)
        for address in by_mail(owner):
            yield address.notice(WEEKLY, week, **_said(listed, total, days=DIGEST_DAYS))


def _of_the_day(now: datetime, day: str) -> Iterator[Notice]:
    days, told = settings.LEMUR_EXPIRATION_SUMMARY_EMAIL_THRESHOLD_DAYS, set(_told(DAILY, day))
    left = [address for address in by_mail(*settings.LEMUR_SECURITY_TEAM_EMAIL) if address.recipient not in told]
    listed, total = _first(_read(_ending(now, days))) if left else ([], 0)
    for address in left if total else ():
        yield address.notice(DAILY, day, **_said(listed, total, days=days))


def _ending(now: datetime, days: int) -> CertificateQuerySet:
    rows = Certificate.objects.watched().filter(root_authority=None)
    return rows.ending(now, within=timedelta(days=days))


def _read(rows: CertificateQuerySet) -> Iterator[Ending]:
    return map(Ending._make, rows.values_list(*Ending._fields).iterator(chunk_size=2000))


def _first(certificates: Iterable[Ending]) -> tuple[list[Ending], int]:
    """Those that end first, and how many there are in all."""
    listed, total = [], 0
    for one in certificates:
        total += 1
        if total <= MOST_LISTED:
            listed.append(one)
    return listed, total


def _said(listed: Iterable[Ending], total: int, *, days: int) -> dict[str, Any]:
    certificates = [
        {"label": one.cn or one.name, "ends": one.not_after.isoformat(), "url": f"/certificates/{one.pk}"}
        for one in listed
    ]
    within = ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
    label = ngettext(
        "%(number)d certificate ends within %(within)s", "%(number)d certificates end within %(within)s", total
    ) % {"number": total, "within": within}
    facts = {"certificates": certificates, "more_certificates": total - len(certificates)}
    return {"label": label, "url": EXPIRING_PAGE, "facts": facts}
