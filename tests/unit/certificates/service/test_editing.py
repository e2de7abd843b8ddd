"""Changing, deleting, revoking."""

from __future__ import annotations

import pytest

from authorities import ledger
from certificates import service
from certificates.models import Certificate
from core.errors import Forbidden, Invalid, NotFound, Precondition
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(people, root_ca):
    return a_certificate(people.alice, root_ca, owner="web@example.org", roles=[people.team])


def test_what_may_be_said_about_it(people, hers):
    changed = service.update(hers.pk, by=people.bob, description="x", notify=False, rotation=True)
    assert (changed.description, changed.notify, changed.rotation, changed.handed_over) == ("x", False, True, False)


def test_handing_over_takes_the_creators_rights_at_once(people, root_ca):
    made = a_certificate(people.alice, root_ca, owner="a@example.org")
    service.update(made.pk, by=people.alice, owner="Ops@Example.org")
    made.refresh_from_db()
    assert made.owner == "ops@example.org"
    assert {role.name for role in made.roles.all()} >= {"ops@example.org"}
    assert "a@example.org" not in {role.name for role in made.roles.all()}
    for forbidden in (
        lambda: service.reveal(made, by=people.alice),
        lambda: service.update(made.pk, by=people.alice, description="still mine?"),
        lambda: service.revoke(made, by=people.alice),
        lambda: service.delete(made.pk, by=people.alice),
    ):
        with pytest.raises(Forbidden):
            forbidden()


def test_the_owners_role_cannot_be_taken_away(people, hers):
    service.update(hers.pk, by=people.root, roles=[])
    assert [role.name for role in hers.roles.all()] == ["web@example.org"]


def test_replacing_afterwards_asks_for_the_right(people, hers, root_ca):
    foreign = a_certificate(people.root, root_ca, owner="ops@example.org")
    with pytest.raises(Forbidden, match="replace_certificate"):
        service.update(hers.pk, by=people.bob, replaces=[foreign])
    service.update(hers.pk, by=people.root, replaces=[foreign])
    foreign.refresh_from_db()
    assert foreign.notify is False


def test_foreigners_change_nothing(people, hers):
    with pytest.raises(Forbidden, match="You are not authorized to update this certificate"):
        service.update(hers.pk, by=people.charlie, description="x")


def test_unknown_ids_and_fields(people, hers):
    with pytest.raises(NotFound, match="Cannot find specified certificate"):
        service.update(10**9, by=people.root, description="x")
    with pytest.raises(TypeError):
        service.update(hers.pk, by=people.root, private_key="x")


def test_deleting_what_does_not_exist_does_nothing(people):
    service.delete(10**9, by=people.alice)


def test_an_edit_adds_the_owners_defaults_alone(people, hers, settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = ["security@example.org"]
    service.update(hers.pk, by=people.alice, notifications=[])
    labels = {one.label for one in hers.notifications.all()}
    assert labels == {f"DEFAULT_WEB_{days}_DAY" for days in (2, 15, 30)}


def test_deleting_hides_and_keeps(people, hers):
    service.delete(hers.pk, by=people.alice)
    assert hers not in Certificate.objects.present()
    assert service.get(hers.pk) == hers
    with pytest.raises(Precondition, match="already deleted"):
        service.delete(hers.pk, by=people.alice)


def test_revoking_is_in_the_ledger(people, hers, root_ca):
    service.revoke(hers, by=people.bob, reason="keyCompromise")
    hers.refresh_from_db()
    assert (hers.status, hers.revoked, hers.notify, hers.phase) == ("revoked", True, False, "revoked")
    assert ledger.find(root_ca, hers.serial).reason == "keyCompromise"


def test_a_form_that_still_ticks_the_old_owners_role_does_not_bring_it_back(people, root_ca):
    made = a_certificate(people.alice, root_ca, owner="web@example.org", roles=[people.team])
    ticked = list(made.roles.all())
    service.update(made.pk, by=people.alice, owner="ops@example.org", roles=ticked)
    assert "web@example.org" not in {role.name for role in made.roles.all()}


def test_a_change_after_a_hand_over_does_not_undo_it(people, hers):
    service.update(hers.pk, by=people.root, owner="ops@example.org")
    service.update(hers.pk, by=people.root, description="x")
    hers.refresh_from_db()
    assert hers.handed_over


def test_nothing_replaces_itself(people, hers, root_ca):
    other = a_certificate(people.root, root_ca, replaces=[hers])
    for wrong in (hers, other):
        with pytest.raises(Invalid, match="Validation Error"):
            service.update(hers.pk, by=people.root, replaces=[wrong])


def test_a_revoked_successor_hides_nothing(people, hers, root_ca):
    successor = a_certificate(people.root, root_ca, replaces=[hers])
    assert hers.phase == "replaced"
    service.revoke(successor, by=people.root)
    assert Certificate.objects.with_replaced().get(pk=hers.pk).phase == "valid"


def test_revoking_marks_every_row_of_the_certificate(people, hers):
    copy = service.upload(by=people.root, body=hers.body, owner="x@example.org")
    with pytest.raises(Forbidden):
        service.revoke(hers, by=people.alice)
    service.revoke(hers, by=people.root)
    copy.refresh_from_db()
    assert copy.status == "revoked"
