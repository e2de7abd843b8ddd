"""The notifications that every owner has."""

from __future__ import annotations

import pytest

from core.audit import Event
from core.models import AuditEntry
from notifications.models import Notification
from notifications.service import default_notifications, defaults, update

pytestmark = pytest.mark.django_db

OWNERS = ["DEFAULT_JOE_30_DAY", "DEFAULT_JOE_15_DAY", "DEFAULT_JOE_2_DAY"]
TEAMS = ["DEFAULT_SECURITY_30_DAY", "DEFAULT_SECURITY_15_DAY", "DEFAULT_SECURITY_2_DAY"]


def labels(notifications):
    return [one.label for one in notifications]


@pytest.fixture(autouse=True)
def _no_team(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = []


def test_the_owner_is_told_thrice(people):
    made = default_notifications("Joe@example.org", people.alice)
    assert labels(made) == OWNERS
    assert [one.options for one in made] == [
        {"interval": days, "unit": "days", "recipients": "Joe@example.org"} for days in (30, 15, 2)
    ]
    assert {(one.plugin, one.active, one.creator) for one in made} == {("email-notification", True, None)}
    entries = AuditEntry.objects.filter(event=Event.NOTIFICATION_CREATED)
    assert {(entry.target_name, entry.actor) for entry in entries} == {(label, people.alice) for label in OWNERS}


def test_the_security_team_too_if_there_is_one(people, settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = ["sec@example.org", "soc@example.org"]
    settings.LEMUR_SECURITY_TEAM_EMAIL_INTERVALS = [60]
    made = default_notifications("joe@example.org", people.alice)
    assert labels(made) == [*OWNERS, "DEFAULT_SECURITY_60_DAY"]
    assert made[-1].options["recipients"] == "sec@example.org,soc@example.org"


def test_they_are_made_once_and_then_found_in_one_statement(people, settings, django_assert_num_queries):
    settings.LEMUR_SECURITY_TEAM_EMAIL = ["sec@example.org"]
    first = default_notifications("joe@example.org", people.alice)
    with django_assert_num_queries(1):
        again = default_notifications("JOE@example.org", people.bob)
    assert again == first
    assert labels(again) == OWNERS + TEAMS
    assert AuditEntry.objects.filter(event=Event.NOTIFICATION_CREATED).count() == 6


def test_what_somebody_changed_stays_changed(people):
    first, *_ = default_notifications("joe@example.org", people.alice)
    update(first, by=people.root, active=False)
    assert not default_notifications("joe@example.org", people.alice)[0].active


def test_only_what_is_missing_is_made(people):
    default_notifications("joe@example.org", people.alice)
    Notification.objects.filter(label=OWNERS[1]).delete()
    assert labels(default_notifications("joe@example.org", people.alice)) == OWNERS


def test_intervals_are_settings(people, settings):
    settings.LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS = [90]
    assert labels(default_notifications("joe@example.org", people.alice)) == ["DEFAULT_JOE_90_DAY"]


@pytest.mark.parametrize("owner", ["", "nobody", "@example.org", '"a b"@example.org', "x@[192.0.2.1]"])
def test_whom_no_mail_can_reach_gets_none(people, owner):
    """The certificate is more important than the mail about it."""
    assert default_notifications(owner, people.alice) == []
    assert not Notification.objects.exists()


def test_long_names_have_a_label_too(people):
    [made, *_] = default_notifications(f"{'x' * 64}@example.org", people.alice)
    assert made.label == f"DEFAULT_{'X' * 64}_30_DAY"


def test_who_is_a_moment_late_gets_the_rows_of_the_first(people, monkeypatch):
    """Another request makes them between our look and our attempt to make them."""
    first = default_notifications("joe@example.org", people.alice)
    look, blind = defaults._known, iter([True])
    monkeypatch.setattr(defaults, "_known", lambda labels: {} if next(blind, False) else look(labels))
    assert default_notifications("joe@example.org", people.bob) == first
    assert Notification.objects.count() == 3
    assert AuditEntry.objects.filter(event=Event.NOTIFICATION_CREATED).count() == 3
