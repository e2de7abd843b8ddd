"""When something is down: spans of time, drawn so that they add up to a given share of it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

BETWEEN = timedelta(hours=6)
"""Two outages are never nearer to each other: then they would be one."""
SHORTEST, LONGEST = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True)
class Outages:
    """Each from the moment in ``begins`` until the one at the same place in ``ends``; in order, without overlap."""

    begins: Sequence[datetime] = ()
    ends: Sequence[datetime] = ()

    def hold(self, at: datetime) -> bool:
        """Is it down at this moment?"""
        last = bisect_right(self.begins, at) - 1
        return last >= 0 and at < self.ends[last]

    @property
    def longest(self) -> timedelta:
        return max((end - begin for begin, end in zip(self.begins, self.ends, strict=True)), default=timedelta())

    @property
    def total(self) -> timedelta:
        return sum((end - begin for begin, end in zip(self.begins, self.ends, strict=True)), timedelta())


def outages(
    chance: random.Random, start: datetime, end: datetime, *, share: float, one_of: timedelta = timedelta()
) -> Outages:
    """Down for this share of the time, in spans of 1 to 24 hours; one of them lasts ``one_of``."""
    lengths = _lengths(chance, (end - start) * share - one_of)
    lengths += [one_of] if one_of else []
    chance.shuffle(lengths)
    idle = end - start - sum(lengths, timedelta()) - BETWEEN * len(lengths)
    if idle < timedelta():
        raise ValueError("So many outages do not fit into so short a time.")
    cuts = sorted(idle * chance.random() for _ in lengths)
    gaps = [after - before + BETWEEN for before, after in pairwise([timedelta(), *cuts])]
    begins, ends, now = [], [], start
    for gap, length in zip(gaps, lengths, strict=True):
        begins.append(now + gap)
        ends.append(now := now + gap + length)
    return Outages(begins, ends)


def _lengths(chance: random.Random, total: timedelta) -> list[timedelta]:
    found: list[timedelta] = []
    while total > SHORTEST:
        length = min(total, SHORTEST + (LONGEST - SHORTEST) * chance.random())
        found.append(length)
        total -= length
    return found
