"""Changing what an open order says about its certificate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from accounts.service import ensure_owner_role
from certificates import service
from certificates.models import Certificate, Order, RotationPolicy
from certificates.permissions import order_permissions
from core.errors import Forbidden, Invalid, NotFound, Precondition
from core.models import AuditEntry
from notifications.models import Notification
from notifications.service import default_notifications
from plugins import Pending
from stores.models import Destination
from tests import odd_stores
from tests.factories import a_certificate
from tests.unit.certificates.service.test_odd_answers import odd_ca  # noqa: F401
from tests.unit.certificates.service.test_odd_answers import order as place
from tests.unit.certificates.service.test_orders import issued_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(people, odd_ca, monkeypatch) -> Order:  # noqa: F811
    """One of Alice's that the CA has in work."""
    place(people.alice, odd_ca, Pending("ca-17", timedelta(hours=1)), monkeypatch)
    return Order.objects.get()


def issue(order: Order, by) -> Certificate:
    answer = issued_for(order)
    return service.fulfil_by_hand(order, body=answer.body, chain="".join(answer.chain), by=by)


def test_what_is_said_is_what_becomes_of_it(people, waiting, monkeypatch):
    odd_stores.register(monkeypatch)
    place_ = Destination(label="web servers")
    place_.configure("odd-destination", {})
    place_.save()
    told, policy = Notification.objects.create(label="mine", plugin="none"), RotationPolicy.usual()
    service.update_order(
        waiting, by=people.alice, description="the shop", notify=False, rotation=True, rotation_policy=policy,
        roles=[people.team], destinations=[place_], notifications=[told, told], replaces=[], tags=["PCI"],
    )  # fmt: skip
    made = issue(waiting, people.bob)  # the role of Bob's team was added
    assert (made.description, made.notify, made.rotation, made.rotation_policy) == ("the shop", False, True, policy)
    assert list(made.destinations.all()) == [place_]
    assert list(made.notifications.all()) == [told]
    assert people.team in made.roles.all()
    assert made.tag_names == ["pci"]
    entry = AuditEntry.objects.get(event="order.updated")
    assert entry.details["fields"] == sorted(
        [
            "description",
            "notify",
            "rotation",
            "rotation_policy",
            "roles",
            "destinations",
            "notifications",
            "replaces",
            "tags",
        ]
    )


def test_what_is_absent_stays(people, waiting):
    before = waiting.spec
    changed = service.update_order(waiting, by=people.alice, description="the shop")
    assert changed.spec == {**before, "description": "the shop"}


class TestAnotherOwner:
    @pytest.fixture
    def handed_over(self, people, waiting):
        defaults = default_notifications("alice@example.org", people.alice)
        role = ensure_owner_role("alice@example.org", by=people.alice)
        service.update_order(waiting, by=people.alice, roles=[role, people.team], notifications=defaults)
        return service.update_order(waiting, by=people.alice, owner=" Charlie@Example.org ")

    def test_whoever_placed_it_has_no_more_rights_than_others(self, people, handed_over):
        people.alice.roles.remove(people.team)
        for action in ("change", "cancel", "reveal_key"):
            assert order_permissions.can(people.charlie, action, handed_over)
            assert not order_permissions.can(type(people.alice).objects.get(pk=people.alice.pk), action, handed_over)

    def test_nor_has_one_whose_order_was_not_handed_over_lost_them(self, people, waiting):
        assert order_permissions.can(people.alice, "reveal_key", waiting)
        assert not order_permissions.can(people.charlie, "reveal_key", waiting)

    def test_what_becomes_of_it(self, people, handed_over):
        made = issue(handed_over, people.charlie)
        assert (made.owner, made.user, made.handed_over) == ("charlie@example.org", people.alice, True)
        assert {role.name for role in made.roles.all()} == {"charlie@example.org", "team-web", *_of_ca(made)}
        assert {one.label for one in made.notifications.all()} == {f"DEFAULT_CHARLIE_{n}_DAY" for n in (30, 15, 2)}


def _of_ca(certificate: Certificate) -> set[str]:
    return {role.name for role in certificate.roles.all() if role.name == certificate.authority.owner}


class TestRefused:
    def test_by_whom(self, people, waiting):
        for person in (people.charlie, people.dora):
            with pytest.raises(Forbidden, match="You are not authorized to update this certificate"):
                service.update_order(waiting, by=person, description="x")

    def test_in_strict_mode(self, people, waiting, settings):
        settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
        with pytest.raises(Forbidden):
            service.update_order(waiting, by=people.alice, description="x")

    @pytest.mark.parametrize("state", ["done", "failed"])
    def test_what_is_over(self, people, waiting, state):
        Order.objects.update(state=state)
        with pytest.raises(Precondition, match=f"is {state}"):
            service.update_order(waiting, by=people.alice, description="x")

    def test_what_somebody_works_on(self, people, waiting):
        Order.objects.update(leased=True, not_before=clock() + timedelta(minutes=1))
        with pytest.raises(Precondition, match="is being worked on at this moment"):
            service.update_order(waiting, by=people.alice, description="x")

    def test_what_is_gone(self, people, waiting):
        gone = Order.objects.get()
        Order.objects.all().delete()
        with pytest.raises((NotFound, Forbidden)):
            service.update_order(gone, by=people.alice, description="x")

    def test_to_replace_what_others_look_after(self, people, root_ca, waiting):
        theirs = a_certificate(people.root, root_ca, owner="root@example.org")
        with pytest.raises(Forbidden, match="replace_certificate"):
            service.update_order(waiting, by=people.alice, replaces=[theirs])

    def test_to_deliver_a_key_that_is_not_here(self, people, waiting, monkeypatch):
        odd_stores.register(monkeypatch)
        place_ = Destination(label="web servers")
        place_.configure("odd-destination", {})
        Order.objects.update(private_key=None)
        place_.save()
        with pytest.raises(Invalid, match="web servers"):
            service.update_order(waiting, by=people.alice, destinations=[place_])

    def test_what_is_no_field(self, people, waiting):
        with pytest.raises(TypeError, match="csr"):
            service.update_order(waiting, by=people.alice, csr="x")
