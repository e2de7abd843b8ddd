"""When a certificate is renewed: the moment from which on, and in which hours of the week."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from pki import validity
from pki.errors import BadWindow

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_THIRD: Final = 3
_FORM: Final = re.compile(r"([a-z,-]+) +(\d\d):(\d\d)-(\d\d):(\d\d)")
_MINUTES: Final = 24 * 60


@dataclass(frozen=True)
class Rule:
    """So many `days` before the end, or in the last `share` hundredths of the life; then spread over a `jitter`."""

    days: int
    share: int | None = None
    jitter: timedelta = timedelta()


def opens(
    not_before: datetime,
    not_after: datetime,
    rule: Rule,
    *,
    fingerprint: str,
    suggested: tuple[datetime, datetime] | None = None,
) -> datetime:
    """From when on it is to be renewed.

    In a window that its CA has suggested it is a moment that is the certificate's own (RFC 9773, 4.2); else the jitter
    puts it off, by no more than a third of what is left then. The same certificate has the same moment each time.
    """
    chance = _chance(fingerprint)
    if suggested is not None:
        start, end = suggested
        return start + max(end - start, timedelta()) * chance
    if rule.share is None:
        first = validity.renewal_opens(not_before, not_after, days=rule.days)
    else:
        days, ratio = (not_after - not_before).days + 1, Fraction(rule.share, 100)
        first = validity.renewal_opens(not_before, not_after, days=days, ratio=ratio)
    return first + min(rule.jitter, max(not_after - first, timedelta()) / _THIRD) * chance


def _chance(fingerprint: str) -> float:
    """From 0 to 1, as good as random, and always the same."""
    return int(fingerprint[:12], 16) / 16**12


@dataclass(frozen=True)
class Window:
    """A part of the week in UTC: on `days` (0 is Monday) from the minute `start` for `length` minutes."""

    days: frozenset[int]
    start: int
    length: int

    def __str__(self) -> str:
        end = self.start + self.length
        named = ",".join(_DAYS[day] for day in sorted(self.days))
        return f"{named} {_clock(self.start)}-{_clock(end if end <= _MINUTES else end - _MINUTES)}"

    def holds(self, moment: datetime) -> bool:
        """Is the moment within it? A window that began yesterday may still be open."""
        midnight = _midnight(moment)
        return any(
            opening <= moment < opening + timedelta(minutes=self.length)
            for opening in (self._opening(midnight - _DAY), self._opening(midnight))
            if opening is not None
        )

    def next_opening(self, moment: datetime) -> datetime:
        """When it opens next, after this moment."""
        midnight = _midnight(moment)
        found = (self._opening(midnight + number * _DAY) for number in range(_WEEK + 1))
        return min(opening for opening in found if opening is not None and opening > moment)

    def _opening(self, midnight: datetime) -> datetime | None:
        return midnight + timedelta(minutes=self.start) if midnight.weekday() in self.days else None


def parse_windows(text: str) -> tuple[Window, ...]:
    """``mon-fri 22:00-04:00; sat,sun 00:00-24:00``, in UTC; nothing in it: any time will do. Raises BadWindow."""
    parts = [part.strip().lower() for part in re.split(r"[;\n]", text)]
    return tuple(_window(part) for part in parts if part)


def is_open(windows: Sequence[Window], moment: datetime) -> bool:
    """May something begin at this moment? Without windows, at any."""
    return not windows or any(window.holds(moment) for window in windows)


def _window(text: str) -> Window:
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadWindow(f"'{text}' is no window; write it as: mon-fri 22:00-04:00.")
    start, end = (int(found[hour]) * 60 + int(found[hour + 1]) for hour in (2, 4))
    if max(int(found[3]), int(found[5])) > 59 or start >= _MINUTES or end > _MINUTES:
        raise BadWindow(f"'{text}' names a time that there is not; hours go from 00:00 to 24:00.")
    length = end - start if end > start else end + _MINUTES - start
    return Window(frozenset(day for part in found[1].split(",") for day in _days(part)), start, length)


def _days(text: str) -> list[int]:
    """``mon``, or ``fri-mon``, which goes over the weekend."""
    first, _, last = text.partition("-")
    if first not in _DAYS or (last or first) not in _DAYS:
        raise BadWindow(f"'{text}' is no weekday; write mon, tue, wed, thu, fri, sat or sun.")
    start, end = _DAYS.index(first), _DAYS.index(last or first)
    return [(start + number) % _WEEK for number in range((end - start) % _WEEK + 1)]


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
