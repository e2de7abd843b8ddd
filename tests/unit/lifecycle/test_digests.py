"""The digest of the week and the summary of the day: once each, whenever the first sweep runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certificates.models import Certificate
from lifecycle.digests import MOST_LISTED, send_digests
from lifecycle.tasks import send_digests as task
from notifications import messages
from notifications.models import Notice
from tests.ending import ending, many_ending

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)
TEAM = "security@example.org"


def told(kind):
    return sorted(Notice.objects.filter(kind=kind).values_list("recipient", "subject_label"))


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL, settings.LEMUR_WEEKLY_DIGEST = [TEAM], True


class TestWeekly:
    def test_each_owner_once_a_week(self, people):
        for owner, left in (("ann@example.org", 3), ("ann@example.org", 29), ("joe@example.org", 9)):
            ending(people.alice, MONDAY + left * DAY, owner=owner)
        ending(people.alice, MONDAY + 90 * DAY, owner="zoe@example.org")
        for day in range(7):
            send_digests(now=MONDAY + day * DAY)
        assert told("weekly-digest") == [
            ("ann@example.org", "2 certificates end within 30 days"),
            ("joe@example.org", "1 certificate ends within 30 days"),
        ]
        send_digests(now=MONDAY + 7 * DAY)
        assert len(told("weekly-digest")) == 4

    def test_who_has_something_later_in_the_week_is_told_then(self, people, django_assert_max_num_queries):
        ending(people.alice, MONDAY + 9 * DAY, owner="ann@example.org")
        send_digests(now=MONDAY)
        ending(people.alice, MONDAY + 9 * DAY, owner="joe@example.org")
        send_digests(now=MONDAY + DAY)
        assert [who for who, _ in told("weekly-digest")] == ["ann@example.org", "joe@example.org"]
        with django_assert_max_num_queries(2):  # one for the week, one for the day: there is nobody left
            send_digests(now=MONDAY + DAY)

    def test_long_lists_are_cut(self, people):
        spans = [(f"www{n}.example.org", MONDAY - DAY, MONDAY + DAY + n * timedelta(minutes=1)) for n in range(50)]
        many_ending(people.alice, spans)
        send_digests(now=MONDAY)
        notice = Notice.objects.get(kind="weekly-digest")
        assert len(notice.facts["certificates"]) == MOST_LISTED
        text = messages.of_notices([notice]).text
        assert "www0.example.org ends on 1 December 2026." in text
        assert "And 30 more." in text

    def test_it_is_asked_for_by_a_setting(self, people, settings):
        settings.LEMUR_WEEKLY_DIGEST = False
        ending(people.alice, MONDAY + DAY)
        send_digests(now=MONDAY)
        assert told("weekly-digest") == []


class TestDaily:
    def test_all_that_ends_within_a_fortnight_once_a_day(self, people):
        for left in (13, 3, 15):
            ending(people.alice, MONDAY + left * DAY, cn=f"www{left}.example.org")
        for hour in range(18):
            send_digests(now=MONDAY + hour * timedelta(hours=1))
        assert told("security-summary") == [(TEAM, "2 certificates end within 14 days")]
        assert [one["label"] for one in Notice.objects.get(kind="security-summary").facts["certificates"]] == [
            "www3.example.org",
            "www13.example.org",
        ]
        send_digests(now=MONDAY + DAY)
        assert len(told("security-summary")) == 2

    def test_who_joins_the_team_later_is_told_as_well(self, people, settings):
        ending(people.alice, MONDAY + 3 * DAY)
        send_digests(now=MONDAY)
        settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM, "new@example.org"]
        send_digests(now=MONDAY + timedelta(hours=1))
        assert [who for who, _ in told("security-summary")] == ["new@example.org", TEAM]

    def test_nothing_is_told_of_nothing(self, people, settings):
        send_digests(now=MONDAY)
        ending(people.alice, MONDAY + DAY)
        Certificate.objects.update(notify=False)
        send_digests(now=MONDAY)
        settings.LEMUR_EXPIRATION_SUMMARY_EMAIL_THRESHOLD_DAYS = 0
        Certificate.objects.update(notify=True)
        send_digests(now=MONDAY)
        assert told("security-summary") == []


def test_the_task(people):
    task()
    assert not Notice.objects.exists()
