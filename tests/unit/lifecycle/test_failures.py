"""Alarms: what does not work has one, its owner and the security team hear of it once, and it ends when it works."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from authorities import publishing
from authorities.models import Authority, Crl, Responder
from certificates import service
from certificates.models import Certificate, Deployment, Order, Revocation
from certificates.models.certificate import Status
from core.audit import Event
from core.models import AuditEntry
from lifecycle import failures
from lifecycle.failures import sweep_failures
from lifecycle.models import Alarm
from lifecycle.tasks import sweep_failures as task
from notifications.models import Notice
from stores.models import Destination
from tests.ending import ending
from tests.factories import a_certificate, an_order

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = clock().replace(microsecond=0)
ALICE, TEAM = "alice@example.org", "security@example.org"


@pytest.fixture(autouse=True)
def _team(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM]


def told():
    return sorted(Notice.objects.values_list("kind", "recipient", "subject_label"))


def events():
    return list(AuditEntry.objects.filter(event__startswith="alarm.").order_by("pk").values_list("event", flat=True))


@pytest.fixture
def stuck(people):
    certificate = ending(people.alice, NOW + 90 * DAY)
    there = Destination.objects.create(label="Web servers", plugin="odd-destination")
    return Deployment.objects.create(
        certificate=certificate, destination=there, state="failed", failures=8, last_error="disk full"
    )


class TestDeliveries:
    def test_who_is_told_and_how_often(self, stuck):
        assert sweep_failures(now=NOW) == 1
        assert told() == [("delivery-stuck", who, str(stuck)) for who in (ALICE, TEAM)]
        notice = Notice.objects.filter(recipient=ALICE).get()
        assert notice.facts == {"error": "disk full"}
        assert notice.subject_url == stuck.certificate.get_absolute_url()
        for hour in range(3):
            assert sweep_failures(now=NOW + timedelta(hours=hour)) == 0
        assert len(told()) == 2
        assert events() == [Event.ALARM_RAISED]

    def test_it_ends_when_it_works_and_begins_anew(self, stuck):
        sweep_failures(now=NOW)
        Deployment.objects.update(state="done")
        assert sweep_failures(now=NOW + DAY) == 0
        assert Alarm.objects.get().resolved_at == NOW + DAY
        assert events() == [Event.ALARM_RAISED, Event.ALARM_RESOLVED]
        Deployment.objects.update(state="waiting", failures=2)
        assert sweep_failures(now=NOW + 2 * DAY) == 0, "two failures are nothing yet"
        Deployment.objects.update(failures=3)
        assert sweep_failures(now=NOW + 2 * DAY) == 1
        assert len(told()) == 4

    @pytest.mark.parametrize(
        "columns",
        [{"status": Status.REVOKED}, {"not_after": NOW - DAY}, {"deleted": True}, {"demo": True}],
        ids=["revoked", "over", "deleted", "demo"],
    )
    def test_not_of_what_need_not_be_there(self, stuck, columns):
        Certificate.objects.update(**columns)
        assert sweep_failures(now=NOW) == 0

    def test_not_of_a_destination_that_is_switched_off(self, stuck):
        Destination.objects.update(active=False)
        assert sweep_failures(now=NOW) == 0

    def test_of_two_sweeps_at_once_one_tells(self, stuck, monkeypatch):
        looked = failures.failing

        def late(now):
            found = list(looked(now))
            monkeypatch.setattr(failures, "failing", looked)
            assert sweep_failures(now=now + timedelta(seconds=1)) == 1
            return found

        monkeypatch.setattr(failures, "failing", late)
        known = Alarm.objects.filter
        monkeypatch.setattr(Alarm.objects, "filter", lambda **narrowed: known(**narrowed).none())
        assert sweep_failures(now=NOW) == 0
        assert (Alarm.objects.count(), len(told())) == (1, 2)


class TestOrders:
    @pytest.fixture
    def order(self, people, root_ca):
        return an_order(people.alice, authority=root_ca, common_name="new.example.org", owner=ALICE)

    def test_an_order_of_which_nobody_knows(self, order):
        assert sweep_failures(now=NOW) == 1
        assert told() == [("order-failed", who, str(order)) for who in (ALICE, TEAM)]

    def test_not_once_it_is_cancelled(self, people, order):
        sweep_failures(now=NOW)
        service.cancel_order(order, by=people.alice)
        assert sweep_failures(now=NOW + DAY) == 0
        assert Alarm.objects.get().resolved_at is not None

    def test_a_renewal_has_one_alarm_however_many_orders_fail(self, people, order):
        renewed = ending(people.alice, NOW + 20 * DAY)
        Order.objects.update(reissues=renewed, state="failed", last_error="first")
        assert sweep_failures(now=NOW) == 1
        assert told() == [("renewal-failing", who, renewed.name) for who in (ALICE, TEAM)]
        again = Order.objects.get()
        again.pk, again.last_error = None, "second"
        again.save()
        assert sweep_failures(now=NOW + DAY) == 0
        ending(people.alice, NOW + 300 * DAY).replaces.add(renewed)
        sweep_failures(now=NOW + 2 * DAY)
        assert Alarm.objects.get().resolved_at == NOW + 2 * DAY, "somebody renewed it by hand"


def test_a_revocation_that_the_authority_does_not_agree_to(people, root_ca):
    hers = a_certificate(people.alice, root_ca)
    asked = Revocation.objects.create(
        certificate=hers, by=people.alice, reason="superseded", state="failed", last_error="no"
    )
    assert sweep_failures(now=NOW) == 1
    assert told() == [("revocation-failing", who, hers.name) for who in (ALICE, TEAM)]
    Revocation.objects.filter(pk=asked.pk).update(state="done")
    Certificate.objects.filter(pk=hers.pk).update(status=Status.REVOKED)
    sweep_failures(now=NOW + DAY)
    assert Alarm.objects.get().resolved_at is not None


class TestLists:
    def test_one_that_grows_old(self, people, root_ca):
        made = Crl.objects.get()
        old = made.this_update + timedelta(days=7) * 3 / 4
        Authority.objects.update(created_at=made.this_update)
        Responder.objects.update(not_after=NOW + 300 * DAY)
        assert sweep_failures(now=old - timedelta(minutes=1)) == 0
        assert sweep_failures(now=old) == 1
        assert told() == [("crl-stale", who, "Root") for who in ("pki@example.org", TEAM)]

    def test_one_that_was_never_made(self, people, root_ca):
        Crl.objects.all().delete()
        Authority.objects.update(created_at=NOW)
        assert sweep_failures(now=NOW + timedelta(minutes=59)) == 0
        assert sweep_failures(now=NOW + timedelta(minutes=61)) == 1


class TestResponders:
    """Without one that lives, clients get no OCSP answer."""

    @pytest.fixture(autouse=True)
    def _listed(self, root_ca, monkeypatch):
        """Its list is no matter here."""
        monkeypatch.setattr(publishing, "CRL_LIFE", 1000 * DAY)

    def test_one_that_ends_soon(self, root_ca):
        end = Responder.objects.get().not_after
        soon = end - publishing.RESPONDER_LIFE / 4
        assert sweep_failures(now=soon - timedelta(minutes=1)) == 0
        assert sweep_failures(now=soon) == 1
        assert told() == [("ocsp-stale", who, "Root") for who in ("pki@example.org", TEAM)]
        assert sweep_failures(now=end + DAY) == 0, "the same alarm goes on"
        publishing.renew_responder(root_ca, now=end + DAY)
        sweep_failures(now=end + DAY)
        assert Alarm.objects.get().resolved_at == end + DAY

    def test_one_that_was_never_made(self, root_ca):
        Responder.objects.all().delete()
        Authority.objects.update(created_at=NOW)
        assert sweep_failures(now=NOW + timedelta(minutes=59)) == 0
        assert sweep_failures(now=NOW + timedelta(minutes=61)) == 1

    def test_one_whose_key_is_gone(self, root_ca):
        Responder.objects.update(private_key="")
        assert sweep_failures(now=NOW + DAY) == 1

    def test_not_of_an_authority_that_is_over(self, root_ca):
        Responder.objects.all().delete()
        assert sweep_failures(now=root_ca.not_after) == 0


def test_the_task_and_a_message(stuck):
    task()
    assert Alarm.objects.get().label == str(stuck)
