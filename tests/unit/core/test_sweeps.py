"""Sweeps: one of a name at a time, and a row that says when it ran last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import SweepRun
from core.sweeps import LEASE, running

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
NAME = "things.sweep_all"


def run() -> SweepRun:
    return SweepRun.objects.get(name=NAME)


def test_what_ends_well_is_remembered():
    with running(NAME, now=NOW) as mine:
        assert mine
        assert run().leased_until == NOW + LEASE
    assert (run().begun_at, run().succeeded_at, run().leased_until) == (NOW, NOW, None)
    assert run().seconds >= 0


def test_not_two_at_once():
    with running(NAME, now=NOW), running(NAME, now=NOW + LEASE / 2) as second:
        assert not second
    with running(NAME, now=NOW + LEASE / 2) as third:
        assert third


def test_an_error_is_no_success():
    with pytest.raises(RuntimeError), running(NAME, now=NOW):
        raise RuntimeError("a bug")
    assert (run().begun_at, run().succeeded_at, run().leased_until) == (NOW, None, None)


def test_one_that_died_is_taken_over_and_says_nothing_any_more():
    dead = running(NAME, now=NOW)
    dead.__enter__()
    with running(NAME, now=NOW + LEASE) as mine:
        assert mine
        dead.__exit__(None, None, None)
        assert run().succeeded_at is None
    assert run().succeeded_at == NOW + LEASE


def test_a_clock_that_was_ahead_blocks_nobody():
    ahead = running(NAME, now=NOW + timedelta(days=365))
    ahead.__enter__()
    with running(NAME, now=NOW) as mine:
        assert mine
