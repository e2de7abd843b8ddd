"""Pages of notifications: what they show, offer and do."""

from __future__ import annotations

import pytest
from django.test import Client

from certificates import service as certificates
from notifications.models import Notification
from plugins.notifications import email
from tests.factories import a_certificate
from tests.notifying import OPTIONS, PLUGIN, a_notification

pytestmark = pytest.mark.django_db

FORM = {"label": "web", "interval": "2", "unit": "weeks", "recipients": "web@example.org", "active": "on"}


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def page(user, address, status=200):
    answer = browser(user).get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_list(people):
    a_notification(people.alice, label="On <b>", description="& so on")
    a_notification(people.alice, label="Off", active=False)
    shown = page(people.dora, "/notifications/")
    assert "On &lt;b&gt;" in shown
    assert "10 days" in shown
    assert "Switched off" in shown
    assert "Create a notification" not in shown
    assert "Create a notification" in page(people.charlie, "/notifications/")
    assert "Off" not in page(people.dora, "/notifications/?active=true").partition("</thead>")[2]


def test_the_rows_alone_that_a_search_asks_for(people):
    a_notification(people.alice)
    answer = browser(people.dora).get("/notifications/?q=nothing", headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert "No notification matches" in answer.content.decode()


def test_an_empty_list(people):
    assert "No notifications yet" in page(people.dora, "/notifications/")


def test_kinds(people):
    shown = page(people.alice, "/notifications/new")
    assert f'href="/notifications/new/{PLUGIN}"' in shown
    assert "Email" in shown


@pytest.mark.parametrize("slug", ["pigeon", "pem-export"])
def test_a_kind_that_does_not_exist(people, slug):
    page(people.alice, f"/notifications/new/{slug}", status=404)


def test_the_form_knows_whose_it_is(people):
    shown = page(people.alice, f"/notifications/new/{PLUGIN}")
    assert 'value="alice@example.org"' in shown
    assert "optional" in shown


def test_a_new_one(people):
    answer = browser(people.alice).post(f"/notifications/new/{PLUGIN}", {**FORM, "description": "x"})
    made = Notification.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/notifications/{made.pk}")
    assert made.options == {"interval": 2, "unit": "weeks", "recipients": "web@example.org"}
    assert (made.label, made.description, made.active, made.creator) == ("web", "x", True, people.alice)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": ""}, "This field is required."),
        ({"label": "x" * 129}, "at most 128 characters"),
        ({"label": "DEFAULT_JOE_30_DAY"}, "are those of an owner"),
        ({"interval": "0"}, "greater than or equal to 1"),
        ({"interval": "thirteen"}, "Enter a whole number."),
        ({"interval": "13"}, "Notification cannot be more than 90 days into the future."),
        ({"unit": "fortnights"}, "not one of the available choices"),
        ({"recipients": "web@example.org; x"}, "is not a DNS name"),
        ({"recipients": "web@example.org\r\nBcc: x@example.org"}, "contains a line break"),
        ({"recipients": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_in_the_form(people, changes, said):
    answer = browser(people.alice).post(f"/notifications/new/{PLUGIN}", {**FORM, **changes})
    assert answer.status_code == (403 if "DEFAULT" in str(changes) else 400)
    assert said in answer.content.decode().replace("&#x27;", "'")
    assert not Notification.objects.exists()


def test_a_label_that_is_taken(people):
    a_notification(people.bob)
    answer = browser(people.alice).post(f"/notifications/new/{PLUGIN}", FORM)
    assert answer.status_code == 409
    assert "There is already a notification called web" in answer.content.decode()


def test_sent_twice_it_is_no_second_one(people):
    client = browser(people.alice)
    for _ in range(2):
        client.post(f"/notifications/new/{PLUGIN}", {**FORM, "once": "x"})
    assert Notification.objects.count() == 1


def test_one_with_its_certificates(people, root_ca):
    mine = a_notification(people.alice)
    leaf = a_certificate(people.alice, root_ca, cn="leaf.example.org")
    certificates.watch(mine, add=[leaf], by=people.alice)
    shown = page(people.bob, f"/notifications/{mine.pk}")
    assert f'href="/certificates/{leaf.pk}"' in shown
    assert "web@example.org" in shown
    assert "Notification created" in shown
    assert "Send a test message" not in shown
    assert "Send a test message" in page(people.alice, f"/notifications/{mine.pk}")
    page(people.alice, "/notifications/987654321", status=404)


def test_without_a_mail_server_the_page_says_so(people, settings):
    mine = a_notification(people.alice)
    assert "knows no mail server" in page(people.alice, f"/notifications/{mine.pk}")
    settings.EMAIL_HOST = "relay"
    assert "knows no mail server" not in page(people.alice, f"/notifications/{mine.pk}")


def test_a_plugin_that_is_gone(people):
    mine = a_notification(people.alice)
    Notification.objects.filter(pk=mine.pk).update(plugin="aws-sns")
    assert "aws-sns" in page(people.alice, f"/notifications/{mine.pk}")
    assert "There is no notification plugin" in page(people.alice, f"/notifications/{mine.pk}/edit", status=503)


def test_changing_one(people):
    mine = a_notification(people.alice, description="old")
    shown = page(people.alice, f"/notifications/{mine.pk}/edit")
    assert 'value="web@example.org"' in shown
    assert 'value="old"' in shown
    answer = browser(people.alice).post(f"/notifications/{mine.pk}/edit", {**FORM, "active": "", "label": "new"})
    mine.refresh_from_db()
    assert answer["Location"] == f"/notifications/{mine.pk}"
    assert (mine.label, mine.active, mine.description, mine.options["unit"]) == ("new", False, "", "weeks")


def test_deleting_one_asks_first(people, root_ca):
    mine = a_notification(people.alice)
    leaf = a_certificate(people.alice, root_ca, cn="leaf.example.org")
    certificates.watch(mine, add=[leaf], by=people.alice)
    shown = page(people.alice, f"/notifications/{mine.pk}/delete")
    assert "1 certificate loses this notification." in shown
    assert "leaf.example.org" in shown
    answer = browser(people.alice).post(f"/notifications/{mine.pk}/delete")
    assert answer["Location"] == "/notifications/"
    assert not Notification.objects.filter(label="web").exists()
    leaf.refresh_from_db()


@pytest.mark.parametrize("address", ["edit", "delete"])
def test_others_get_neither_page_nor_deed(people, address):
    mine = a_notification(people.alice)
    for method in ("get", "post"):
        answer = getattr(browser(people.charlie), method)(f"/notifications/{mine.pk}/{address}", FORM)
        assert answer.status_code == 403
    mine.refresh_from_db()
    assert mine.options == OPTIONS


def test_a_test_message(people, mailbox):
    mine = a_notification(people.alice)
    answer = browser(people.alice).post(f"/notifications/{mine.pk}/test", follow=True)
    assert "A test message was sent to web@example.org." in answer.content.decode()
    assert [mail.recipients for mail in mailbox.received] == [["web@example.org"]]
    mailbox.after_data = "554 <b>no</b>"
    answer = browser(people.alice).post(f"/notifications/{mine.pk}/test", follow=True)
    assert "refuses: 554 &lt;b&gt;no&lt;/b&gt;" in answer.content.decode()
    assert browser(people.bob).post(f"/notifications/{mine.pk}/test").status_code == 403
    assert browser(people.alice).get(f"/notifications/{mine.pk}/test").status_code == 405


def test_a_test_message_without_a_mail_server(people):
    email.configure(None)
    mine = a_notification(people.alice)
    answer = browser(people.alice).post(f"/notifications/{mine.pk}/test", follow=True)
    assert "must set EMAIL_URL" in answer.content.decode()
