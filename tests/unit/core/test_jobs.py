"""Jobs, on the one model that is a job now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certificates.models import Order, Revocation
from core.jobs import LeaseLost
from lifecycle.models import EndpointRotation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def order(people, root_ca) -> Order:
    return Order.objects.create(
        authority=root_ca,
        by=people.alice,
        spec={"owner": "a@example.org"},
        csr="",
        profile="server",
        not_before_asked=NOW,
        not_after_asked=NOW + timedelta(days=1),
        not_before=NOW,
    )


def test_a_job_is_due_until_somebody_claims_it(order):
    assert list(Order.objects.due(NOW)) == [order]
    claimed = Order.objects.claim(order.pk, now=NOW)
    assert claimed.attempts == 1
    assert not Order.objects.due(NOW).exists()
    assert Order.objects.claim(order.pk, now=NOW) is None


def test_a_dead_workers_lease_runs_out(order):
    Order.objects.claim(order.pk, now=NOW, lease=timedelta(minutes=5))
    assert Order.objects.claim(order.pk, now=NOW + timedelta(minutes=4)) is None
    assert Order.objects.claim(order.pk, now=NOW + timedelta(minutes=5)).attempts == 2


def test_what_a_clock_that_was_ahead_has_claimed_or_put_off_waits_for_nobody(order):
    Order.objects.claim(order.pk, now=NOW + timedelta(days=1))
    order.refresh_from_db()
    assert not order.is_at_work(NOW)
    claimed = Order.objects.claim(order.pk, now=NOW)
    claimed.wait(NOW + timedelta(days=7))
    assert not Order.objects.due(NOW).exists(), "a CA may say so"
    Order.objects.update(not_before=NOW + timedelta(days=365))
    assert list(Order.objects.due(NOW)) == [order]


def test_a_worker_that_slept_past_its_lease_writes_nothing(order):
    sleeper = Order.objects.claim(order.pk, now=NOW)
    winner = Order.objects.claim(order.pk, now=NOW + timedelta(hours=1))
    with pytest.raises(LeaseLost):
        sleeper.succeed()
    winner.succeed()
    with pytest.raises(LeaseLost):
        sleeper.fail("late")
    order.refresh_from_db()
    assert (order.state, order.last_error) == (Order.State.DONE, "")


def test_what_the_other_side_said_is_kept_so_that_it_can_be_seen(order):
    claimed = Order.objects.claim(order.pk, now=NOW)
    claimed.fail("two\nlines \u202ecba\x1b[31m", now=NOW)
    order.refresh_from_db()
    assert order.last_error == "two\nlines \\u202ecba\\x1b[31m"


def test_failing_waits_ever_longer_and_then_gives_up(order):
    now, waits = NOW, []
    while order.state == Order.State.WAITING:
        claimed = Order.objects.claim(order.pk, now=now)
        claimed.fail("no answer", now=now)
        order.refresh_from_db()
        waits.append((order.not_before - now).total_seconds())
        now = max(order.not_before, now)
    assert waits[:4] == [60, 120, 240, 480]
    assert order.attempts == Order.most_failures
    assert (order.state, order.last_error) == (Order.State.FAILED, "no answer")


def test_it_never_waits_longer_than_the_longest_pause(order, monkeypatch):
    """However often it has failed: 2 to the power of that, in seconds, is more than a time span can be."""
    monkeypatch.setattr(Order, "most_failures", 10_000)
    Order.objects.update(failures=5_000)
    Order.objects.claim(order.pk, now=NOW).fail("no answer", now=NOW)
    order.refresh_from_db()
    assert (order.state, order.not_before) == (Order.State.WAITING, NOW + Order.steady_pause)


def test_the_other_side_may_ask_for_a_longer_one(order):
    Order.objects.claim(order.pk, now=NOW).fail("busy", retry_after=timedelta(hours=6), now=NOW)
    order.refresh_from_db()
    assert order.not_before == NOW + timedelta(hours=6)
    assert timedelta(hours=6) > Order.steady_pause


@pytest.mark.parametrize("kind", [Order, Revocation, EndpointRotation])
def test_a_weekend_is_outlived(kind):
    now, job = NOW, kind()
    while True:
        changes = job.after_failure("away", permanent=False, now=now)
        if changes["state"] == kind.State.FAILED:
            break
        now, job.failures = changes["not_before"], changes["failures"]
    assert now - NOW > timedelta(hours=72)


def test_a_hopeless_job_is_not_tried_again(order):
    Order.objects.claim(order.pk, now=NOW).fail("refused", permanent=True)
    assert not Order.objects.due(NOW + timedelta(days=365)).exists()


def test_what_nobody_works_on_can_be_taken_up_before_it_is_due(order):
    claimed = Order.objects.claim(order.pk, now=NOW)
    assert Order.objects.take_up(order.pk, now=NOW) is None
    claimed.wait(NOW + timedelta(days=1))
    taken = Order.objects.take_up(order.pk, now=NOW)
    assert (taken.attempts, taken.leased) == (2, True)
    assert Order.objects.take_up(order.pk, now=NOW) is None
    assert Order.objects.take_over(order.pk, now=NOW).attempts == 3
    dead = Order.objects.take_up(order.pk, now=NOW + timedelta(hours=1))
    dead.doubt("?")
    again = Order.objects.take_up(order.pk, now=NOW)
    assert again.state == Order.State.WAITING
    again.succeed()
    assert Order.objects.take_up(order.pk, now=NOW) is None


@pytest.mark.parametrize(("state", "failures"), [("failed", 0), ("unknown", 0), ("waiting", 3)])
def test_a_person_has_what_was_given_up_or_waits_for_later_done_at_once(order, state, failures):
    Order.objects.update(state=state, failures=3, not_before=NOW + timedelta(hours=1))
    assert Order.objects.hasten(now=NOW, csr="changed") == 1
    order.refresh_from_db()
    assert (order.state, order.failures, order.not_before, order.csr) == ("waiting", failures, NOW, "changed")
    assert list(Order.objects.due(NOW)) == [order]


@pytest.mark.parametrize(
    "meanwhile",
    [{"state": "done"}, {"not_before": NOW}, {"leased": True, "not_before": NOW + timedelta(minutes=5)}],
    ids=["done", "due", "at work"],
)
def test_what_is_done_due_or_at_work_is_not_hastened(order, meanwhile):
    Order.objects.update(**{"not_before": NOW + timedelta(hours=1), **meanwhile})
    before = Order.objects.values().get()
    assert Order.objects.hasten(now=NOW) == 0
    assert Order.objects.values().get() == before
