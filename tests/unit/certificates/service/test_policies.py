"""Rotation policies."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Certificate, RotationPolicy
from core.audit import Event, about
from core.errors import Conflict, Forbidden, Invalid
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def weekly(people):
    return service.create_policy(name="weekly", days=7, by=people.root)


def test_making_changing_and_deleting(people, weekly):
    assert (weekly.name, weekly.days) == ("weekly", 7)
    changed = service.update_policy(weekly, name="often", days=5, by=people.root)
    changed.refresh_from_db()
    assert (changed.name, changed.days) == ("often", 5)
    assert [(entry.event, entry.details) for entry in about(weekly)] == [
        (Event.POLICY_UPDATED, {"days": 5, "before": 7}),
        (Event.POLICY_CREATED, {"days": 7}),
    ]
    target = RotationPolicy(pk=weekly.pk)
    service.delete_policy(weekly, by=people.root)
    assert not RotationPolicy.objects.filter(name="often").exists()
    assert about(target)[0].event == Event.POLICY_DELETED


@pytest.mark.parametrize("person", ["alice", "dora", "olga"])
def test_only_administrators_change_them(people, weekly, person):
    by = getattr(people, person)
    for verb in (
        lambda: service.create_policy(name="mine", days=1, by=by),
        lambda: service.update_policy(weekly, days=1, by=by),
        lambda: service.delete_policy(weekly, by=by),
    ):
        with pytest.raises(Forbidden, match="You are not authorized"):
            verb()


def test_the_default_stays_and_keeps_its_name(people):
    default = RotationPolicy.objects.get(name="default")
    with pytest.raises(Conflict, match="cannot be renamed"):
        service.update_policy(default, name="other", by=people.root)
    with pytest.raises(Conflict, match="cannot be deleted"):
        service.delete_policy(default, by=people.root)
    assert service.update_policy(default, name="default", days=20, by=people.root).days == 20


def test_one_that_is_followed_stays(people, weekly, root_ca):
    leaf = a_certificate(people.alice, root_ca)
    Certificate.objects.filter(pk=leaf.pk).update(rotation_policy=weekly)
    with pytest.raises(Conflict, match="The policy weekly cannot be deleted: 1 certificates follow it"):
        service.delete_policy(weekly, by=people.root)


@pytest.mark.parametrize("days", [0, -1, 3651, 2**63])
def test_days_are_within_reason(people, weekly, days):
    with pytest.raises(Invalid) as caught:
        service.update_policy(weekly, days=days, by=people.root)
    assert caught.value.reasons == {"days": "Give a number of days from 1 to 3650."}


@pytest.mark.parametrize(
    ("field", "value"),
    [("share", 0), ("share", 91), ("jitter_hours", -1), ("jitter_hours", 721), ("windows", "mun 08:00-09:00")],
)
def test_other_terms_are_within_reason(people, weekly, field, value):
    with pytest.raises(Invalid) as caught:
        service.update_policy(weekly, **{field: value}, by=people.root)
    assert list(caught.value.reasons) == [field]


def test_windows_are_written_in_one_way(people, weekly):
    changed = service.update_policy(weekly, windows="Mon-Tue 8:00-9:00".replace("8:00-9", "08:00-09"), by=people.root)
    assert changed.windows == "mon,tue 08:00-09:00"
    assert about(weekly)[0].details == {"days": 7, "windows": "mon,tue 08:00-09:00", "before": 7}


def test_what_there_is_not(people, weekly):
    with pytest.raises(TypeError):
        service.update_policy(weekly, colour="red", by=people.root)


@pytest.mark.parametrize("name", ["", " ", "two\nlines"])
def test_names_are_visible(people, name):
    with pytest.raises(Invalid) as caught:
        service.create_policy(name=name, days=1, by=people.root)
    assert list(caught.value.reasons) == ["name"]


def test_names_are_given_once(people, weekly):
    with pytest.raises(Conflict, match="There is already a rotation policy called weekly"):
        service.create_policy(name=" weekly ", days=1, by=people.root)
    with pytest.raises(Conflict):
        service.update_policy(weekly, name="default", by=people.root)
