"""Pages of notices: the list, with a certificate, acknowledging and snoozing."""

from __future__ import annotations

import pytest
from django.test import Client

from notifications import service
from notifications.models import Notice, Snooze
from notifications.service import topic
from tests.ending import ending
from tests.unit.lifecycle.test_expiry import DAY, NOW

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def notice(people):
    certificate = ending(people.alice, NOW + DAY, cn="<b>www")
    [address] = service.by_mail("alice@example.org")
    fields = {"topic": topic(certificate), "label": certificate.cn, "url": certificate.get_absolute_url()}
    service.raise_notice(address.notice("certificate-expiring", "1", **fields))
    return Notice.objects.get()


def test_the_list(people, notice):
    shown = browser(people.dora).get("/notices/").content.decode()
    assert "&lt;b&gt;www" in shown
    assert "certificate expiring" in shown
    assert "Acknowledge<" not in shown, "she only reads"
    assert "1 notice" in shown
    assert "Acknowledge " in browser(people.alice).get("/notices/").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=ALICE", 1), ("q=www", 1), ("q=bob", 0), ("outcome=waiting", 1), ("outcome=sent", 0), ("outcome=failed", 0)],
)
def test_narrowed(people, notice, query, found):
    shown = browser(people.dora).get(f"/notices/?{query}", headers={"HX-Request": "true"}).content.decode()
    assert shown.count("certificate expiring") == found


def test_with_the_certificate(people, notice):
    shown = browser(people.bob).get(notice.subject_url).content.decode()
    assert "What was told" in shown
    assert "/acknowledge" not in shown
    assert f"/notices/{notice.pk}/acknowledge" in browser(people.alice).get(notice.subject_url).content.decode()


def test_acknowledged_and_back(people, notice):
    client = browser(people.alice)
    answer = client.post(f"/notices/{notice.pk}/acknowledge", {"next": notice.subject_url})
    assert answer["Location"] == notice.subject_url
    shown = client.get(notice.subject_url).content.decode()
    assert "Acknowledged" in shown
    assert "/acknowledge" not in shown


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "foo", ""])
def test_nobody_is_sent_elsewhere(people, notice, elsewhere):
    answer = browser(people.alice).post(f"/notices/{notice.pk}/acknowledge", {"next": elsewhere})
    assert answer["Location"] == "/notices/"


@pytest.mark.parametrize(("days", "snoozes"), [("7", 1), ("0", 0), ("x", 0), ("9" * 30, 0), ("", 0)])
def test_snoozed(people, notice, days, snoozes):
    client = browser(people.alice)
    shown = client.post(f"/notices/{notice.pk}/snooze", {"days": days}, follow=True).content.decode()
    assert Snooze.objects.count() == snoozes
    assert ("Nobody hears of it until" in shown) == bool(snoozes)
    assert ("A number of days from 1 to 90." in shown) != bool(snoozes)


def test_outcomes(people, notice):
    """The same, of a row and in a list."""
    cases = {
        "waiting": {},
        "failed": {"state": "failed"},
        "superseded": {"state": "done"},
        "sent": {"state": "done", "sent_at": NOW},
        "acknowledged": {"acknowledged_at": NOW},
    }
    for outcome, columns in cases.items():
        Notice.objects.update(state="waiting", sent_at=None, acknowledged_at=None)
        Notice.objects.update(**columns)
        assert Notice.objects.get().outcome == outcome
        found = {one for one in cases if Notice.objects.with_outcome(one).exists()}
        assert found == {outcome}
