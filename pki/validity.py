"""Validity: how long a new certificate is valid, how long its successor, and when to renew."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from pki.errors import BadValidity

START: Final = "validity_start"
END: Final = "validity_end"
YEARS: Final = "validity_years"
_SATURDAY: Final = 5
# CA/Browser Forum, Baseline Requirements 6.3.2: the longest validity in days, of what is issued from that moment on.
_PUBLIC: Final = (
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
)


def longest_public(issued: datetime) -> tuple[int, datetime]:
    """How many days a publicly trusted server certificate may be valid that is issued then, and since when."""
    days, since = next(((days, since) for since, days in reversed(_PUBLIC) if issued >= since), (825, _PUBLIC[0][0]))
    return days, since


def calculate_reissue_range(
    start: datetime, end: datetime, *, now: datetime, longest: timedelta | None = None
) -> tuple[datetime, datetime]:
    """From now on for as long as the old certificate was valid, but never for longer than `longest`."""
    _check_aware(start, end)
    span = end - start if longest is None else min(end - start, longest)
    return now, _later(now, span)


def renewal_opens(
    not_before: datetime, not_after: datetime, *, days: int, ratio: Fraction = Fraction(1, 3)
) -> datetime:
    """The later-starting of two windows: `days` before the end, or the last `ratio` of the life.

    So a 6-day certificate is not renewed the moment it is born, and a 398-day one not four months early.
    """
    _check_aware(not_before, not_after)
    life = not_after - not_before
    share = life * min(float(ratio), 1.0)
    # Whole days first: a huge `days` is no longer than the life, whatever the calendar holds.
    window = timedelta(days=max(days, 0)) if days <= life.days else life
    return max(not_before, not_after - min(window, share))


def settle(
    *,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    default: timedelta,
    longest: timedelta,
    issuer_not_before: datetime | None,
    issuer_not_after: datetime | None,
) -> tuple[datetime, datetime]:
    """The validity that is written, in whole seconds and inside the issuer's (None for a root): contract 9.3.

    What was asked for is refused when it is outside the issuer's days or longer than `longest`; what was not asked for
    is shortened. An end on the issuer's last day, but after its last second, becomes that second.
    """
    if start is None and end is not None:
        raise BadValidity("If validity start is specified so must validity end.", field=START)
    if end is None and start is not None:
        raise BadValidity("If validity end is specified so must validity start.", field=END)
    opens = _whole_seconds(issuer_not_before, START) if issuer_not_before else None
    closes = _whole_seconds(issuer_not_after, END) if issuer_not_after else None
    if start is None or end is None:
        first = _whole_seconds(now, START)
        last = _whole_seconds(_later(first, min(default, longest)), END)
    else:
        first, last = _whole_seconds(start, START), _whole_seconds(end, END)
        _check_asked(first, last, longest=longest)
        _check_days(first, last, opens=opens, closes=closes)
    return _inside(first, last, opens=opens, closes=closes)


def years(now: datetime, number: int, *, weekends: bool = True) -> tuple[datetime, datetime]:
    """From now on for calendar years; without `weekends`, an end on one moves two days back. Whole seconds."""
    if number < 1:
        raise BadValidity("Validity years must be 1 or more.", field=YEARS)
    first = _whole_seconds(now, START)
    year = first.year + number
    leap_day = (first.month, first.day) == (2, 29)
    try:
        last = first.replace(year=year, day=28 if leap_day and not isleap(year) else first.day)
    except (ValueError, OverflowError) as error:
        raise BadValidity("Validity years lead beyond the year 9999.", field=YEARS) from error
    if not weekends and _on_weekend(last):
        last -= timedelta(days=2)
    return first, last


def check_weekday(end: datetime) -> None:
    """For sites that allow no expiry on a Saturday or Sunday (UTC)."""
    if _on_weekend(_whole_seconds(end, END)):
        raise BadValidity("Validity end must not land on a weekend.", field=END)


def _check_asked(first: datetime, last: datetime, *, longest: timedelta) -> None:
    if first >= last:
        raise BadValidity("Validity start must be before validity end.", field=START)
    if last - first > longest:
        raise BadValidity(
            f"Validity must be no longer than {_days(longest)}, but {_days(last - first)} were asked for.", field=END
        )


def _check_days(first: datetime, last: datetime, *, opens: datetime | None, closes: datetime | None) -> None:
    """By the day: people choose days, and a certificate authority rarely begins or ends at midnight."""
    if opens and first.date() < opens.date():
        raise BadValidity(f"Validity start must not be before {opens.isoformat()}", field=START)
    if closes and last.date() > closes.date():
        raise BadValidity(f"Validity end must not be after {closes.isoformat()}", field=END)


def _inside(
    first: datetime, last: datetime, *, opens: datetime | None, closes: datetime | None
) -> tuple[datetime, datetime]:
    """A certificate outlives its issuer's for nothing: no path through it is valid then (RFC 5280, 6.1.3)."""
    first = max(first, opens) if opens else first
    last = min(last, closes) if closes else last
    if first < last:
        return first, last
    if closes and first >= closes:
        raise BadValidity(f"The issuer's own certificate ends at {closes.isoformat()}; choose another one.", field=END)
    raise BadValidity("Validity start must be before validity end.", field=START)


def _later(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError as error:
        raise BadValidity("Validity end lies beyond the year 9999.", field=END) from error


def _whole_seconds(moment: datetime, field: str) -> datetime:
    _check_aware(moment, field=field)
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise BadValidity(f"{moment.isoformat()} is outside the calendar.", field=field) from error


def _check_aware(*moments: datetime, field: str = START) -> None:
    for moment in moments:
        if moment.utcoffset() is None:
            raise BadValidity(f"{moment.isoformat()} has no time zone; write it with one, as +00:00.", field=field)


def _on_weekend(moment: datetime) -> bool:
    return moment.weekday() >= _SATURDAY


def _days(span: timedelta) -> str:
    """Whole days, and the rest that makes one span longer than another of as many days."""
    rest = timedelta(seconds=span.seconds, microseconds=span.microseconds)
    return f"{span.days} days" + (f" and {rest}" if rest else "")
