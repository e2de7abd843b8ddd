"""What a person should see first: what needs somebody now, what ends when, and whether background work goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Max
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext_noop as noop
from django.utils.translation import ngettext

from certificates.models import CertificateQuerySet
from certificates.models.questions import SOON
from core.jobs import Job
from core.models import SweepRun
from lifecycle.models import Alarm, Brake, Endpoint, Finding, Sync
from notifications.kinds import KINDS
from web.counts import count_each, remembered

MONTHS: Final = 13
Numbers = list[tuple[Any, Any, int]]
IN_USE: Final = "/certificates/?in_use=true"
"""The list of what the timeline and the shares count."""
SHORTLY_KEPT: Final = 10
KEPT: Final = 60  # seconds, of what takes long to count
SILENT: Final = timedelta(minutes=15)
"""After which the work in the background is presumed dead: the timetable has something to do every minute."""


@dataclass(frozen=True)
class Concern:
    """Something that needs a person: in words with its number, and where all of it stands."""

    words: str
    url: str
    urgent: bool = True


@dataclass(frozen=True)
class Month:
    """How many valid certificates without a successor end in a month, by whether they renew themselves.

    ``high`` and ``low`` are their shares of the highest month, in percent.
    """

    begins: datetime
    renewed: int
    unrenewed: int
    high: int = 0
    low: int = 0

    @property
    def total(self) -> int:
        """Both kinds together."""
        return self.renewed + self.unrenewed

    @property
    def low_top(self) -> int:
        """Where the lower part of its bar begins, in percent from above."""
        return 100 - self.low

    @property
    def high_top(self) -> int:
        """The same of the upper part."""
        return self.low_top - self.high


@dataclass(frozen=True)
class Part:
    """So many certificates of one kind; ``width`` is their share of the largest part, in percent."""

    label: str
    number: int
    width: int
    url: str


@dataclass(frozen=True)
class Share:
    """How certificates are spread over the values of one column."""

    title: str
    parts: list[Part]


# Title, column that is counted by, column that is shown, and the list's name for it.
SHARES: Final = (
    (noop("By authority"), "authority", "authority__name", "authority"),
    (noop("By kind of key"), "key_type", "key_type", "key_type"),
    (noop("By owner"), "owner", "owner", "owner"),
    (noop("By destination"), "deployments__destination", "deployments__destination__label", "destination"),
)
STUCK: Mapping[str, str] = {
    "delivery-stuck": "/jobs/?kind=deployment&failing=true",
    "revocation-failing": "/jobs/?kind=revocation&failing=true",
}
"""Alarms about jobs, by kind: where each can be tried again. An order's own page asks more than that."""
# Of what is no alarm of its own: what is said of one and of many, where it stands, and whether it is urgent.
OTHERS: Mapping[str, tuple[str, str, str, bool]] = {
    "unrotated": (
        noop("%(number)d certificate ends within 30 days and does not renew itself"),
        noop("%(number)d certificates end within 30 days and do not renew themselves"),
        "/certificates/?phase=expiring&rotation=false&ordering=not_after",
        True,
    ),
    "endpoints": (
        noop("%(number)d endpoint serves something else than it should"),
        noop("%(number)d endpoints serve something else than they should"),
        "/endpoints/?troubled=true&active=true",
        True,
    ),
    "held": (
        noop("Renewals are held back: more are due than an hour may see"),
        noop("Renewals are held back: more are due than an hour may see"),
        "/rotations/",
        True,
    ),
    "syncs": (
        noop("%(number)d source cannot be looked into"),
        noop("%(number)d sources cannot be looked into"),
        "/jobs/?kind=sync&failing=true",
        True,
    ),
    "found": (
        noop("%(number)d certificate was found of which nobody has said whose it is"),
        noop("%(number)d certificates were found of which nobody has said whose they are"),
        "/found/",
        False,
    ),
}


def concerns(visible: CertificateQuerySet, *, among: int, now: datetime) -> list[Concern]:
    """What needs a person, alarms first. Two statements, the second at most ten seconds old if it is ``among`` many."""
    open_ones = Alarm.objects.filter(resolved_at=None).order_by().values_list("kind").annotate(number=Count("pk"))
    alarms = sorted(open_ones, key=lambda row: list(KINDS).index(row[0]) if row[0] in KINDS else len(KINDS))
    found = [Concern(_of_kind(kind, number), STUCK.get(kind, f"/alarms/?kind={kind}")) for kind, number in alarms]
    counts = remembered(
        ("concerns", _statement(visible)),
        partial(_count_others, visible, now=now),
        size=lambda _: among,
        seconds=SHORTLY_KEPT,
    )
    for what, (one, many, url, urgent) in OTHERS.items():
        if number := counts[what]:
            found.append(Concern(ngettext(one, many, number) % {"number": number}, url, urgent))
    return found


def _count_others(visible: CertificateQuerySet, *, now: datetime) -> dict[str, int]:
    """By the names in ``OTHERS``; each as the list behind its link has it."""
    looked = Sync.objects.filter(source__active=True, cancelled=False, failures__gt=0)
    return count_each(
        unrotated=visible.current(now).unreplaced().filter(not_after__lte=now + SOON, rotation=False),
        endpoints=Endpoint.objects.filter(active=True).exclude(problems=[]),
        held=Brake.objects.filter(open=True, released_until=None),
        syncs=looked.exclude(state=Job.State.DONE),
        found=Finding.objects.filter(state=Finding.State.NEW, certificate__isnull=False),
    )


def _of_kind(kind: str, number: int) -> str:
    words = KINDS.get(kind)
    if words is None or not words.one:
        return f"{kind.replace('-', ' ').capitalize()}: {number}"
    return ngettext(words.one, words.many, number) % {"number": number}


def timeline(visible: CertificateQuerySet, *, now: datetime) -> list[Month]:
    """What ends in this month and the twelve after it. One statement, at most a minute old if there are many."""
    begins = [_month(now, ahead) for ahead in range(MONTHS + 1)]
    rows = visible.current(now).unreplaced().filter(not_after__lt=begins[-1]).order_by()
    monthly = rows.annotate(month=TruncMonth("not_after")).values_list("month", "rotation").annotate(Count("pk"))
    question = ("timeline", begins[0], _statement(visible))
    found: Numbers = remembered(question, partial(list, monthly), size=_size, seconds=KEPT)
    numbers = {(month, rotation): number for month, rotation, number in found}
    months = [Month(one, numbers.get((one, True), 0), numbers.get((one, False), 0)) for one in begins[:-1]]
    most = max((month.total for month in months), default=0) or 1
    return [_drawn(month, most) for month in months]


def shares(visible: CertificateQuerySet, *, largest: int, now: datetime) -> list[Share]:
    """How the certificates in use are spread, the largest parts first. A statement for each, as of :func:`timeline`."""
    rows = visible.current(now).unreplaced().order_by()
    found = remembered(
        ("shares", largest, _statement(visible)),
        lambda: [_largest(rows, key, label, largest) for _, key, label, _ in SHARES],
        size=lambda found: max(map(_size, found)),  # of few values, such as kinds of keys, the parts are nearly all
        seconds=KEPT,
    )
    return [
        Share(title, _parts(numbers, parameter))
        for (title, _, _, parameter), numbers in zip(SHARES, found, strict=True)
    ]


def _largest(rows: CertificateQuerySet, key: str, label: str, number: int) -> Numbers:
    counted = rows.filter(**{f"{key}__isnull": False}).values_list(key, label).annotate(number=Count("pk"))
    return list(counted.order_by("-number", label)[:number])


def _parts(found: Numbers, parameter: str) -> list[Part]:
    most = max((number for *_, number in found), default=1)
    return [
        Part(str(words), number, 100 * number // most, f"{IN_USE}&{urlencode({parameter: value})}")
        for value, words, number in found
    ]


def _statement(rows: CertificateQuerySet) -> Any:
    """By which answers for people who see other certificates are told apart."""
    return rows.order_by().values("pk").query.sql_with_params()


def _drawn(month: Month, most: int) -> Month:
    high, low = 100 * month.renewed // most, 100 * month.unrenewed // most
    shown = (max(high, 1) if month.renewed else 0, max(low, 1) if month.unrenewed else 0)
    return Month(month.begins, month.renewed, month.unrenewed, *shown)


def _month(now: datetime, ahead: int) -> datetime:
    years, month = divmod(now.month - 1 + ahead, 12)
    return now.replace(year=now.year + years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def _size(found: Numbers) -> int:
    return sum(number for _, _, number in found)


def last_sign_of_work() -> datetime | None:
    """When the timetable last had something begun; None if that was never. One statement."""
    seen: datetime | None = SweepRun.objects.aggregate(last=Max("begun_at"))["last"]
    return seen
