"""What nobody acknowledges is told to others after some days, once, as long as it matters; what is snoozed waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from certificates.models import Certificate
from lifecycle.escalation import escalate
from lifecycle.expiry import notify_expiring
from lifecycle.failures import sweep_failures
from lifecycle.models import Alarm
from lifecycle.tasks import escalate as task
from notifications import messages
from notifications import service as notifications
from notifications.models import Notice
from tests.ending import ending, mail_before
from tests.unit.lifecycle.test_failures import stuck  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = clock().replace(microsecond=0)
ALICE, WEB, CHIEF = "alice@example.org", "web@example.org", "chief@example.org"


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.LEMUR_ESCALATION_DAYS, settings.LEMUR_ESCALATION_EMAIL = 3, [CHIEF]
    settings.LEMUR_SECURITY_TEAM_EMAIL = []


@pytest.fixture
def hers(people):
    """It ends in thirty days; its owner and the web team were told so."""
    certificate = ending(
        people.alice, NOW + 30 * DAY, told=[mail_before(people.alice, 30), mail_before(people.alice, 9)]
    )
    notify_expiring(now=NOW)
    sent()
    return certificate


def sent(at=NOW):
    Notice.objects.filter(state="waiting").update(state="done", sent_at=at)


def escalated():
    return sorted(Notice.objects.filter(kind="not-acknowledged").values_list("recipient", "subject_label"))


def test_after_some_days_and_once(hers):
    escalate(now=NOW + 3 * DAY - timedelta(seconds=1))
    assert escalated() == []
    for hour in range(3):
        escalate(now=NOW + 3 * DAY + hour * timedelta(hours=1))
    assert escalated() == [(CHIEF, "www.example.org")]
    text = messages.of_notices(list(Notice.objects.filter(recipient=CHIEF))).text
    assert "Nobody has acknowledged 1 notice" in text
    assert f"was told on {NOW:%-d %B %Y}." in text


def test_the_next_threshold_is_another_matter(people, hers):
    escalate(now=NOW + 3 * DAY)
    notify_expiring(now=NOW + 21 * DAY)
    sent(NOW + 21 * DAY)
    escalate(now=NOW + 24 * DAY)
    assert len(escalated()) == 2


def test_not_what_somebody_knows_of(people, hers):
    notifications.acknowledge(Notice.objects.get(recipient=ALICE), by=people.alice)
    escalate(now=NOW + 9 * DAY)
    assert escalated() == []


@pytest.mark.parametrize("columns", [{"notify": False}, {"status": "revoked"}, {"deleted": True}], ids=str)
def test_not_what_does_not_matter_any_more(hers, columns):
    Certificate.objects.filter(pk=hers.pk).update(**columns)
    escalate(now=NOW + 9 * DAY)
    assert escalated() == []


def test_an_alarm_while_it_lasts(people, stuck):  # noqa: F811
    sweep_failures(now=NOW)
    sent()
    escalate(now=NOW + 4 * DAY)
    assert escalated() == [(CHIEF, str(stuck))]
    Notice.objects.filter(kind="not-acknowledged").delete()
    Alarm.objects.update(resolved_at=NOW)
    escalate(now=NOW + 5 * DAY)
    assert escalated() == []


def test_to_the_security_team_if_nobody_is_named(hers, settings):
    settings.LEMUR_ESCALATION_EMAIL, settings.LEMUR_SECURITY_TEAM_EMAIL = [], ["security@example.org"]
    escalate(now=NOW + 3 * DAY)
    assert [who for who, _ in escalated()] == ["security@example.org"]


def test_never_without_the_setting(hers, settings):
    settings.LEMUR_ESCALATION_DAYS = 0
    escalate(now=NOW + 9 * DAY)
    task()
    assert escalated() == []


def test_what_is_snoozed_waits_and_is_told_then(people, hers):
    notifications.snooze(Notice.objects.get(recipient=ALICE), days=25, by=people.alice, now=NOW)
    escalate(now=NOW + 9 * DAY)
    assert escalated() == []
    assert notify_expiring(now=NOW + 21 * DAY) == 0, "nine days are left, but it waits"
    assert notify_expiring(now=NOW + 25 * DAY) == 2, "five days are left, and the nine are told"
