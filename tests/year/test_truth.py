"""The judge of the simulated year is judged: each broken promise is seen, and nothing else is called one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.year.plugins import Seen
from tests.year.truth import Truth

START = datetime(2030, 1, 1, tzinfo=UTC)
DAY, LIFE = timedelta(days=1), timedelta(days=48)
CA, TARGET = "refused by the CA", "refused by the target"


def held(begin: datetime, name: str = "a") -> Seen:
    return Seen("held", name, "", begin, begin + LIFE)


@pytest.fixture
def truth() -> Truth:
    """One host, whose moment of renewal is after 32 of 48 days, and which is late after 40."""
    found = Truth(START)
    found.learn([held(START)], now=START)
    return found


def test_a_renewal_in_time(truth):
    truth.learn([Seen("issued", "a"), held(START + 33 * DAY)], now=START + 33 * DAY)
    truth.learn([], now=START + 60 * DAY)
    assert (truth.renewals, truth.issued, truth.lags) == (1, 1, [DAY])
    assert not truth.late
    assert not truth.expired


def test_one_that_is_late_and_then_over(truth):
    truth.learn([], now=START + 40 * DAY - timedelta(seconds=1))
    assert not truth.late
    truth.learn([], now=START + 40 * DAY)
    assert (len(truth.late), len(truth.expired)) == (1, 0)
    truth.learn([], now=START + 48 * DAY)
    truth.learn([], now=START + 49 * DAY)
    assert (len(truth.late), len(truth.expired)) == (1, 1)


@pytest.mark.parametrize(("what", "kind"), [(CA, "renewal-failing"), (TARGET, "delivery-stuck")])
def test_a_failure_is_three_refusals_in_a_row(truth, what, kind):
    success = Seen("issued", "a") if what == CA else held(START + DAY)
    for refusals, failures in ((2, 0), (3, 1), (9, 2)):
        for _ in range(refusals):
            truth.learn([Seen(what, "a")], now=START + DAY)
        truth.learn([success], now=START + DAY)
        assert truth.failures[kind, "a"] == failures


def test_refusals_of_several_do_not_add_up(truth):
    for name in "abc":
        truth.learn([Seen(CA, name), Seen(TARGET, name)], now=START + DAY)
    assert not truth.failures
    assert truth.refused == {CA: 3, TARGET: 3}


def test_mails_are_counted_by_id_and_recipient(truth):
    truth.learn([Seen("mailed", "1", "x"), Seen("mailed", "1", "y"), Seen("mailed", "1", "x")], now=START)
    assert truth.mails == {("1", "x"): 2, ("1", "y"): 1}
