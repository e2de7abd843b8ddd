"""Acknowledging and snoozing what one was told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from accounts import service as accounts
from core.audit import Event, about
from core.errors import Forbidden, Invalid, Precondition
from notifications import service
from notifications.models import Notice, Snooze
from tests.notifying import a_notification

pytestmark = pytest.mark.django_db

NOW = clock().replace(microsecond=0)
DAY = timedelta(days=1)


def a_notice(recipient="alice@example.org", occasion="1", topic="certificates.certificate:1", **fields):
    [address] = service.by_mail(recipient)
    notice = address.notice("certificate-expiring", occasion, label="www", url="/", topic=topic, **fields)
    service.raise_notice(notice)
    return Notice.objects.get(dedupe=notice.dedupe)


def test_what_others_were_told_of_the_same_thing_is_answered_with_it(people):
    mine, bobs = a_notice(), a_notice("bob@example.org")
    other, digest = a_notice(topic="certificates.certificate:2", occasion="2"), a_notice(topic="", occasion="3")
    service.acknowledge(mine, by=people.alice, now=NOW)
    bobs.refresh_from_db()
    assert (mine.acknowledged_by, bobs.acknowledged_by, bobs.acknowledged_at) == (people.alice, people.alice, NOW)
    assert [entry.event for entry in about(mine)] == [Event.NOTICE_ACKNOWLEDGED]
    assert Notice.objects.filter(acknowledged_at=None).count() == 2
    service.acknowledge(digest, by=people.alice)
    other.refresh_from_db()
    assert other.acknowledged_at is None


def test_it_is_said_once(people):
    mine = a_notice()
    service.acknowledge(mine, by=people.alice, now=NOW)
    service.acknowledge(mine, by=people.root, now=NOW + DAY)
    assert (mine.acknowledged_by, about(mine).count()) == (people.alice, 1)


def test_who_may(people):
    """Whom it was told to, by their address or that of a role, or through their notification; and administrators."""
    accounts.grant(people.bob, [accounts.ensure_owner_role("shop@example.org")], by=people.root)
    bob = type(people.bob).objects.get(pk=people.bob.pk)
    hers, of_the_shop = a_notice(), a_notice("shop@example.org", topic="x:2", occasion="2")
    through = a_notice("web@example.org", topic="x:3", occasion="3")
    Notice.objects.filter(pk=through.pk).update(notification=a_notification(people.charlie))
    allowed = {(hers, people.alice), (of_the_shop, bob), (through, people.charlie)}
    for notice in (hers, of_the_shop, through):
        for person in (people.alice, bob, people.charlie, people.dora, people.olga):
            if (notice, person) in allowed:
                service.acknowledge(notice, by=person)
                service.snooze(notice, days=1, by=person)
                continue
            with pytest.raises(Forbidden, match="not authorized to answer"):
                service.acknowledge(notice, by=person)
            with pytest.raises(Forbidden):
                service.snooze(notice, days=1, by=person)
    service.acknowledge(hers, by=people.root)


def test_a_snooze(people):
    mine = a_notice()
    service.snooze(mine, days=7, by=people.alice, now=NOW)
    topics = ["certificates.certificate:1", "certificates.certificate:2"]
    assert service.snoozed(topics, now=NOW + 6 * DAY) == {"certificates.certificate:1"}
    assert service.snoozed(topics, now=NOW + 7 * DAY) == set()
    service.snooze(mine, days=1, by=people.root, now=NOW)
    assert Snooze.objects.get().until == NOW + DAY
    assert [entry.details for entry in about(mine)] == [{"until": (NOW + days * DAY).isoformat()} for days in (1, 7)]


@pytest.mark.parametrize("days", [0, -1, 91])
def test_for_how_long(people, days):
    with pytest.raises(Invalid) as caught:
        service.snooze(a_notice(), days=days, by=people.alice)
    assert caught.value.reasons == {"days": "A number of days from 1 to 90."}


def test_what_will_not_be_due_again_cannot_wait(people):
    with pytest.raises(Precondition):
        service.snooze(a_notice(topic=""), days=1, by=people.alice)
