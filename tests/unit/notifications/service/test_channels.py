"""Making, changing, deleting and trying out notifications."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now as clock

from accounts import service as accounts
from core.audit import Event, about
from core.errors import Conflict, Forbidden, Invalid, Precondition, Throttled, Unavailable
from notifications import service
from notifications.models import Notification
from notifications.service.channels import TESTS
from plugins import registry
from plugins.notifications import email
from plugins.notifications.base import Threshold
from tests import odd_notifier
from tests.notifying import OPTIONS, a_notification

pytestmark = pytest.mark.django_db


def events(notification):
    return [entry.event for entry in about(notification)]


def test_a_new_one(people):
    made = a_notification(people.alice, description="For the web team")
    stored = Notification.objects.get()
    assert (stored.label, stored.plugin, stored.active, stored.creator) == (
        "web", "email-notification", True, people.alice,
    )  # fmt: skip
    assert stored.options == {"interval": 10, "unit": "days", "recipients": "web@example.org"}
    assert stored.threshold == Threshold(days=10)
    assert events(made) == [Event.NOTIFICATION_CREATED]


def test_lemurs_form_of_options(people):
    listed = [{"name": name, "value": str(value), "type": "x"} for name, value in OPTIONS.items()]
    made = a_notification(people.alice, options=listed)
    assert made.options == OPTIONS


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"plugin": "pigeon"}, {"plugin": {"_schema": "Unable to find plugin. Slug: pigeon Reason: There is no notification plugin 'pigeon'; there are: email-notification, slack-notification, webhook-notification."}}),
        ({"plugin": "pem-export"}, {"plugin": {"_schema": "Unable to find plugin. Slug: pem-export Reason: There is no notification plugin 'pem-export'; there are: email-notification, slack-notification, webhook-notification."}}),
        ({"options": {**OPTIONS, "unit": "weeks", "interval": 13}},
         {"plugin": {"plugin_options": "Notification cannot be more than 90 days into the future."}}),
        ({"options": {"interval": 1, "unit": "days"}}, {"plugin": {"plugin_options": {"recipients": "Option 'recipients' is required."}}}),
        ({"label": " \t"}, {"label": "A label is one line of visible characters."}),
        ({"label": "two\nlines"}, {"label": "A label is one line of visible characters."}),
        ({"label": "\u202eevil"}, {"label": "A label is one line of visible characters."}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_field(people, fields, reasons):
    with pytest.raises(Invalid) as caught:
        a_notification(people.alice, **fields)
    assert caught.value.reasons == reasons
    assert not Notification.objects.exists()


def test_a_label_is_given_once(people):
    a_notification(people.alice)
    with pytest.raises(Conflict, match="There is already a notification called web"):
        a_notification(people.bob)
    other = a_notification(people.alice, label="other")
    with pytest.raises(Conflict):
        service.update(other, by=people.alice, label="web")
    other.refresh_from_db()
    assert other.label == "other"


def test_changes_and_what_stays(people):
    made = a_notification(people.alice)
    service.update(made, by=people.alice, description="new", active=False, plugin="email-notification", options=None)
    made.refresh_from_db()
    assert (made.description, made.active, made.options) == ("new", False, OPTIONS)
    service.update(made, by=people.alice, options={**OPTIONS, "interval": 3})
    made.refresh_from_db()
    assert made.threshold == Threshold(days=3)
    with pytest.raises(TypeError):
        service.update(made, by=people.alice, creator=people.bob)


@pytest.mark.parametrize("person", ["bob", "charlie", "dora", "olga"])
def test_it_belongs_to_whoever_made_it(people, person):
    """Also to administrators; a shared team does not matter, nor does being an operator."""
    made, stranger = a_notification(people.alice), getattr(people, person)
    for verb in (
        lambda by: service.update(made, by=by, active=False),
        lambda by: service.send_test(made, by=by),
        lambda by: service.delete(made, by=by),
    ):
        with pytest.raises(Forbidden):
            verb(stranger)
    service.update(made, by=people.root, active=False)
    service.delete(made, by=people.root)


def test_those_who_only_read_make_none(people):
    with pytest.raises(Forbidden, match="You are not authorized to create notifications"):
        a_notification(people.dora)


def test_the_defaults_of_an_owner_belong_to_the_owners_role(people):
    role = accounts.ensure_owner_role("joe@example.org")
    accounts.grant(people.bob, [role], by=people.root)
    bob = type(people.bob).objects.get(pk=people.bob.pk)
    joes, *_ = service.default_notifications("joe@example.org", people.charlie)
    with pytest.raises(Forbidden):  # to have ordered a certificate for Joe gives no say in whom Joe's mail goes to
        service.update(joes, by=people.charlie, active=False)
    service.update(joes, by=bob, active=False)
    others, *_ = service.default_notifications("joe_smith@example.org", people.charlie)
    with pytest.raises(Forbidden):
        service.update(others, by=bob, active=False)


@pytest.mark.parametrize("label", ["DEFAULT_JOE_30_DAY", "default_joe_30_day", "DEFAULT_SECURITY_2_DAY"])
def test_labels_of_defaults_are_not_for_everybody(people, label):
    """Whoever had Joe's label first would decide whom Joe's certificates are told to."""
    with pytest.raises(Forbidden, match="DEFAULT_NAME_30_DAY"):
        a_notification(people.alice, label=label)
    mine = a_notification(people.alice)
    with pytest.raises(Forbidden):
        service.update(mine, by=people.alice, label=label)
    a_notification(people.root, label=label)


def test_deleting(people):
    made = a_notification(people.alice)
    target = Notification.objects.get()
    service.delete(made, by=people.alice)
    assert not Notification.objects.exists()
    assert events(target) == [Event.NOTIFICATION_DELETED, Event.NOTIFICATION_CREATED]


def test_a_test_message(people, mailbox):
    made = a_notification(
        people.alice, label="Züge", options={**OPTIONS, "recipients": "web@example.org,x@example.org"}
    )
    assert service.send_test(made, by=people.alice) == ("web@example.org", "x@example.org")
    [mail] = mailbox.received
    assert mail.recipients == ["web@example.org", "x@example.org"]
    assert mail.message["Subject"] == "Lemur: a test of the notification Züge"
    text = mail.message.get_content()
    assert "alice asked for it" in text
    assert f"http://127.0.0.1:8000/notifications/{made.pk}" in text
    assert events(made)[0] == Event.NOTIFICATION_TESTED


def test_a_mistake_of_the_plugin_is_no_mistake_of_ours(people, monkeypatch):
    monkeypatch.setitem(registry.entries, odd_notifier.SLUG, odd_notifier.ENTRIES[odd_notifier.SLUG])
    monkeypatch.setattr(odd_notifier.OddNotifier, "trouble", ZeroDivisionError("x"))
    made = a_notification(people.alice, plugin=odd_notifier.SLUG)
    with pytest.raises(Unavailable, match="the plugin odd-notifier failed unexpectedly"):
        service.send_test(made, by=people.alice)
    assert events(made)[:2] == [Event.NOTIFICATION_FAILED, Event.NOTIFICATION_TESTED]


def test_a_test_counts_before_it_is_sent(people, monkeypatch):
    """Else whoever sends many at once sends as many as they like."""
    made, counted = a_notification(people.alice), []
    monkeypatch.setattr(
        email.EmailNotifier, "send", lambda *_: counted.append(events(made).count(Event.NOTIFICATION_TESTED))
    )
    for _ in range(2):
        service.send_test(made, by=people.alice)
    assert counted == [1, 2]


def test_who_sends_many_at_once_waits_for_the_one_before(people, monkeypatch):
    made = a_notification(people.alice)
    monkeypatch.setattr(email.EmailNotifier, "send", lambda *_: None)
    with CaptureQueriesContext(connection) as asked:
        service.send_test(made, by=people.alice)
    statements = [query["sql"] for query in asked if "accounts_user" in query["sql"]]
    # SQLite lets one process write at a time, from the beginning of its transaction.
    assert any("FOR UPDATE" in one for one in statements) == connection.features.has_select_for_update


def test_a_test_that_is_refused_says_why_and_is_remembered(people, mailbox):
    made = a_notification(people.alice)
    mailbox.refuse["web@example.org"] = "550 no such user"
    with pytest.raises(Precondition, match="550 no such user"):
        service.send_test(made, by=people.alice)
    mailbox.refuse["web@example.org"] = "450 later"
    with pytest.raises(Unavailable, match="450 later"):
        service.send_test(made, by=people.alice)
    assert [entry.details["error"] for entry in about(made) if entry.event == Event.NOTIFICATION_FAILED] == [
        "The mail server did not accept web@example.org: 450 later",
        "The mail server did not accept web@example.org: 550 no such user",
    ]


def test_without_a_mail_server(people):
    email.configure(None)
    with pytest.raises(Precondition, match="EMAIL_URL"):
        service.send_test(a_notification(people.alice), by=people.alice)


def test_nobody_fills_a_mailbox_with_tests(people, mailbox):
    made = a_notification(people.alice)
    for _ in range(TESTS):
        service.send_test(made, by=people.alice)
    with pytest.raises(Throttled):
        service.send_test(made, by=people.alice)
    service.send_test(made, by=people.root)
    service.send_test(made, by=people.alice, now=clock() + timedelta(minutes=6))
