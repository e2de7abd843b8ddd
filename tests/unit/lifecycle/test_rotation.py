"""Renewing by itself: what is due, once each, within windows and budgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities import service as authorities
from certificates import service
from certificates.models import Certificate, Order, RotationPolicy
from certificates.service import issuance
from certificates.service.renewing import settle_moments
from core.audit import Event, about
from core.errors import Conflict, Forbidden
from lifecycle import budgets, rotation
from lifecycle.models import Brake, Spent
from lifecycle.tasks import sweep_renewals
from notifications.models import Notice
from plugins import Temporary
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2030, 5, 1, 12, 30, tzinfo=UTC)  # a Wednesday
TEAM = "security@example.org"


def age(certificate: Certificate, *, left: timedelta = 10 * DAY, now: datetime = NOW) -> Certificate:
    """As if most of its life were over."""
    Certificate.objects.filter(pk=certificate.pk).update(
        not_before=now - 80 * DAY, not_after=now + left, renews_at=None
    )
    certificate.refresh_from_db()
    return certificate


@pytest.fixture
def due(leaf) -> Certificate:
    return age(leaf)


@pytest.fixture
def many(people, root_ca) -> list[Certificate]:
    """Of which the last ends first."""
    made = [a_certificate(people.alice, root_ca, cn=f"n{number}.example.org", rotation=True) for number in range(4)]
    return [age(one, left=(10 - number) * DAY) for number, one in enumerate(made)]


def sent(nudges) -> list[int]:
    return [args[0] for task, args in nudges if task == "lifecycle.reissue"]


@pytest.fixture
def sweep(nudges, django_capture_on_commit_callbacks):
    """One sweep, and what it hands to the workers."""

    def run(now: datetime = NOW) -> list[int]:
        nudges.clear()
        with django_capture_on_commit_callbacks(execute=True):
            chosen = rotation.reissue_due(now=now)
        assert sent(nudges) == chosen
        return chosen

    return run


class TestRenewing:
    def test_what_is_due_is_renewed_once(self, people, due, sweep):
        assert sweep() == [due.pk]
        new = rotation.reissue(due.pk, now=NOW)
        assert list(new.replaces.all()) == [due]
        assert (new.user, new.rotation, new.owner) == (people.alice, True, due.owner)
        due.refresh_from_db()
        assert (due.notify, due.rotation) == (False, True)
        assert about(new.order)[0].actor == system_user()
        assert rotation.reissue(due.pk, now=NOW) is None
        assert sweep() == []

    def test_by_the_timetable(self, due, nudges, django_capture_on_commit_callbacks):
        age(due, now=clock())
        with django_capture_on_commit_callbacks(execute=True):
            sweep_renewals()
        assert sent(nudges) == [due.pk]

    def test_a_dry_run_changes_nothing(self, due, nudges):
        settle_moments(now=NOW)
        before = Certificate.objects.get(pk=due.pk).renews_at
        assert rotation.reissue_due(now=NOW, dry_run=True) == [due.pk]
        assert (nudges, Spent.objects.count(), Brake.objects.count()) == ([], 0, 0)
        assert Certificate.objects.get(pk=due.pk).renews_at == before

    def test_what_was_tried_is_not_tried_again_at_once(self, due, sweep, monkeypatch):
        """Three times a day at most, whatever the reason."""
        sweep()
        monkeypatch.setattr(rotation, "reissue_certificate", _refuse)
        assert rotation.reissue(due.pk, now=NOW) is None
        assert about(due)[0].event == Event.RENEWAL_FAILED
        assert about(due)[0].details == {"error": "No such profile."}
        assert [sweep(NOW + hours * HOUR) for hours in (1, 7, 8)] == [[], [], [due.pk]]

    def test_what_lives_short_is_tried_again_sooner(self, due, sweep, monkeypatch):
        age(due, left=4 * HOUR)
        sweep()
        monkeypatch.setattr(rotation, "reissue_certificate", _refuse)
        rotation.reissue(due.pk, now=NOW)
        assert [sweep(NOW + minutes * HOUR / 60) for minutes in (59, 60)] == [[], [due.pk]]

    def test_a_ca_that_does_not_answer_keeps_one_order(self, due, sweep, monkeypatch):
        def down(order, **_):
            raise Temporary("no answer")

        monkeypatch.setattr(issuance, "ask_ca", down)
        sweep()
        assert rotation.reissue(due.pk, now=NOW) is None
        assert Order.objects.get(reissues=due).state == "waiting"
        assert about(due)[0].event != Event.RENEWAL_FAILED, "the order is tried again"
        assert sweep(NOW + DAY) == []

    def test_a_message_that_comes_twice(self, due, sweep, monkeypatch):
        sweep()
        stale = Certificate.objects.get(pk=due.pk)
        assert rotation._put_off(stale, now=NOW)
        assert not rotation._put_off(stale, now=NOW)

    @pytest.mark.parametrize("answer", ["no", "error"])
    def test_a_site_may_say_no(self, due, sweep, settings, answer):
        settings.REISSUE_FILTER = f"{__name__}.say_{answer}"
        assert sweep() == [due.pk]
        assert rotation.reissue(due.pk, now=NOW) is None
        assert not Order.objects.filter(reissues=due).exists()
        assert (about(due)[0].event == Event.RENEWAL_FAILED) is (answer == "error")
        if answer == "no":
            assert rotation.reissue_due(now=NOW, dry_run=True) == []


def _refuse(*args, **kwargs):
    raise Conflict("No such profile.")


def say_no(certificate: Certificate) -> bool:
    return False


def say_error(certificate: Certificate) -> bool:
    raise RuntimeError("a bug")


class TestWindows:
    @pytest.mark.parametrize(
        ("windows", "left", "expected"),
        [
            ("wed 12:00-13:00", 10 * DAY, True),
            ("wed 13:00-14:00", 10 * DAY, False),
            ("sat 00:00-24:00", 10 * DAY, False),
            ("sat 00:00-24:00", 3 * DAY, True),
        ],
    )
    def test_a_renewal_begins_within_them_unless_it_would_be_late(self, people, due, sweep, windows, left, expected):
        service.update_policy(RotationPolicy.usual(), windows=windows, by=people.root)
        age(due, left=left)
        assert (sweep() == [due.pk]) is expected
        assert (rotation.reissue(due.pk, now=NOW) is not None) is expected


class TestBudgets:
    def test_of_an_authority(self, people, root_ca, many, sweep):
        authorities.update(root_ca, renewals_per_hour=2, by=people.root)
        assert sweep() == [many[3].pk, many[2].pk]
        done = [rotation.reissue(one.pk, now=NOW) is not None for one in many]
        assert done == [True, True, False, False], "whoever comes first, and no more than that"
        assert sweep() == []
        assert len(sweep(NOW + HOUR)) == 2

    def test_one_that_is_limited_stands_in_nobodys_way(self, people, root_ca, issuing_ca, many, sweep, monkeypatch):
        authorities.update(root_ca, renewals_per_hour=1, by=people.root)
        other = age(a_certificate(people.alice, issuing_ca, cn="other.example.org", rotation=True), left=20 * DAY)
        monkeypatch.setattr(rotation, "AT_ONCE", 1)
        assert sweep() == [many[3].pk, other.pk]

    @pytest.fixture
    def small(self, settings):
        settings.RENEWALS_AT_LEAST_PER_HOUR, settings.RENEWALS_PERCENT_PER_HOUR = 1, 20
        settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM]

    def test_the_brake(self, small, people, many, sweep):
        """A fifth of five certificates an hour: the others wait, and somebody is told so once."""
        assert sweep() == [many[3].pk]
        brake = Brake.objects.get()
        assert (brake.due, brake.allowed, brake.open) == (4, 1, True)
        assert [entry.event for entry in about(brake)] == [Event.RENEWALS_HELD]
        assert Notice.objects.get(recipient=TEAM).kind == "renewals-held"
        assert rotation.reissue(many[0].pk, now=NOW) is not None
        assert rotation.reissue(many[3].pk, now=NOW) is None
        assert sweep() == []
        assert Brake.objects.count() == Notice.objects.filter(recipient=TEAM).count() == 1

    def test_a_person_lets_them_go(self, small, people, many, sweep):
        sweep()
        brake = Brake.objects.get()
        for person in (people.alice, people.dora, people.olga):
            with pytest.raises(Forbidden, match="not authorized to release"):
                budgets.release(brake, by=person, now=NOW)
        released = budgets.release(brake, by=people.root, now=NOW)
        assert (released.released_by, released.released_until) == (people.root, NOW + DAY)
        assert len(sweep()) == 4
        assert all(rotation.reissue(one.pk, now=NOW + HOUR) for one in many)
        assert sweep(NOW + 2 * HOUR) == []
        assert not Brake.objects.get().open
        with pytest.raises(Conflict, match="Nothing is held"):
            budgets.release(brake, by=people.root, now=NOW)

    def test_what_was_let_go_is_held_again_after_a_day(self, small, people, many, sweep):
        sweep()
        budgets.release(Brake.objects.get(), by=people.root, now=NOW)
        assert len(sweep(NOW + 25 * HOUR)) == 1
        assert [brake.open for brake in Brake.objects.order_by("pk")] == [False, True]

    def test_a_small_fleet_is_no_mass(self, many, sweep):
        assert len(sweep()) == 4
        assert not Brake.objects.exists()

    def test_nothing_is_counted_where_the_other_says_no(self, small, root_ca):
        assert budgets.take(root_ca, now=NOW)
        assert not budgets.take(root_ca, now=NOW)
        assert dict(Spent.objects.values_list("scope", "number")) == {"all": 1, f"authority:{root_ca.pk}": 1}
