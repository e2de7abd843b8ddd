"""Outages add up to what was asked for, keep their distance, and are the same for the same seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.year.weather import BETWEEN, outages

START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def drawn(seed: int, days: int = 365, share: float = 0.2, one_of: timedelta = 72 * HOUR):
    return outages(random.Random(seed), START, START + days * DAY, share=share, one_of=one_of)  # noqa: S311


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("days", [60, 365])
def test_the_share_and_the_longest(seed, days):
    found = drawn(seed, days)
    assert found.total / (days * DAY) == pytest.approx(0.2, abs=0.001)
    assert found.longest == 72 * HOUR
    assert found == drawn(seed, days)
    assert found != drawn(seed + 100, days)


@pytest.mark.parametrize("seed", range(5))
def test_they_are_apart_and_within(seed):
    found = drawn(seed)
    assert all(after - before >= BETWEEN for before, after in zip(found.ends, found.begins[1:], strict=False))
    assert all(before < after for before, after in pairwise(found.begins))
    assert found.begins[0] > START
    assert found.ends[-1] <= START + 365 * DAY


def test_when_it_is_down():
    found = drawn(1)
    begin, end = found.begins[3], found.ends[3]
    assert [found.hold(at) for at in (begin - HOUR, begin, end - HOUR, end)] == [False, True, True, False]
    assert not found.hold(START)


def test_too_many():
    with pytest.raises(ValueError, match="do not fit"):
        drawn(1, days=10, share=0.9)
