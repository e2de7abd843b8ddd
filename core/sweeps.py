"""Who runs a sweep, and when one ran last: a row for each, claimed by a conditional UPDATE, whoever calls it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils.timezone import now as clock

from core.models import SweepRun

LEASE = timedelta(minutes=1)
"""After which a sweep that is not done is presumed dead, so one that was killed is missed for a minute at most. Two at
once do no harm; they only do the same work twice."""


@contextmanager
def running(name: str, *, now: datetime | None = None) -> Iterator[bool]:
    """Around one run of a sweep: False if another one is at work. What ends without an error has succeeded."""
    now = now or clock()
    if not _claim(name, now):
        yield False
        return
    began, succeeded = time.monotonic(), False
    try:
        yield True
        succeeded = True
    finally:
        _close(name, now, seconds=time.monotonic() - began, succeeded=succeeded)


def _claim(name: str, now: datetime) -> bool:
    """A clock that was wrong a while ago must not keep anybody waiting: a lease is never longer than usual."""
    SweepRun.objects.bulk_create([SweepRun(name=name)], ignore_conflicts=True)
    idle = Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + LEASE)
    return bool(SweepRun.objects.filter(idle, name=name).update(begun_at=now, leased_until=now + LEASE))


def _close(name: str, begun: datetime, *, seconds: float, succeeded: bool) -> None:
    """Unless another one has taken over meanwhile."""
    at = {"succeeded_at": F("begun_at")} if succeeded else {}
    SweepRun.objects.filter(name=name, begun_at=begun).update(leased_until=None, seconds=seconds, **at)
