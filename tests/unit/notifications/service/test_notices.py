"""Notices: written down once, told in one message, told again only if it failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from core.audit import Event
from core.models import AuditEntry
from notifications.models import Notice
from notifications.service import delete, raise_notice, tell
from plugins import Misconfigured, Temporary, registry
from plugins.notifications import email
from tests import odd_notifier
from tests.notifying import PLUGIN, a_notification

pytestmark = pytest.mark.django_db

JOE = "joe@example.org"


def a_notice(number: int = 1, recipient: str = JOE, **fields):
    return Notice(
        kind="certificate-expiring", recipient=recipient, channel=PLUGIN, dedupe=f"{number}:{recipient}",
        subject_label=f"www{number}.example.org", subject_url=f"/certificates/{number}", **fields,
    )  # fmt: skip


def told():
    return list(AuditEntry.objects.filter(event__startswith="notice.").values_list("event", flat=True))


def test_one_message_for_all_that_is_due(people, mailbox):
    raise_notice(a_notice(1), a_notice(2), a_notice(3, recipient="jane@example.org"))
    assert tell(JOE, PLUGIN)
    [mail] = mailbox.received
    text = mail.message.get_content()
    assert mail.recipients == [JOE]
    assert mail.message["Subject"] == "Lemur: 2 notices"
    assert "Certificate expiring: www1.example.org" in text
    assert "http://127.0.0.1:8000/certificates/2" in text
    assert "www3" not in text
    assert sorted(Notice.objects.values_list("state", flat=True)) == ["done", "done", "waiting"]
    assert Notice.objects.get(dedupe=f"1:{JOE}").sent_at is not None
    assert told() == [Event.NOTICE_SENT]
    assert not tell(JOE, PLUGIN)
    assert len(mailbox.received) == 1


def test_a_single_one_is_named_in_the_subject(people, mailbox):
    raise_notice(a_notice())
    tell(JOE, PLUGIN)
    assert mailbox.received[0].message["Subject"] == "Lemur: certificate expiring: www1.example.org"


def test_names_of_strangers_cannot_become_headers(people, mailbox):
    evil = a_notice()
    evil.subject_label = "x\r\nBcc: charlie@example.org\r\n\r\nhello\u202e"
    raise_notice(evil)
    assert tell(JOE, PLUGIN)
    [mail] = mailbox.received
    assert mail.message["Bcc"] is None
    assert mail.recipients == [JOE]
    assert mail.message["Subject"] == "Lemur: certificate expiring: x Bcc: charlie@example.org hello\\u202e"


def test_what_was_raised_once_is_not_raised_again(people, mailbox):
    raise_notice(a_notice(), a_notice())
    raise_notice(a_notice(), a_notice(2))
    assert Notice.objects.count() == 2
    tell(JOE, PLUGIN)
    raise_notice(a_notice())
    assert not tell(JOE, PLUGIN)


def test_a_failure_is_tried_again_with_the_same_message(people, mailbox):
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice(1))
    mailbox.refuse[JOE] = "450 greylisted"
    assert not tell(JOE, PLUGIN, now=now)
    notice = Notice.objects.get()
    assert (notice.state, notice.failures, notice.last_error) == (
        "waiting", 1, "The mail server did not accept joe@example.org: 450 greylisted",
    )  # fmt: skip
    assert told() == []
    mailbox.refuse.clear()
    raise_notice(a_notice(2))
    assert not tell("nobody@example.org", PLUGIN, now=now + timedelta(hours=1))
    assert tell(JOE, PLUGIN, now=now + timedelta(hours=1))
    assert tell(JOE, PLUGIN, now=now + timedelta(hours=1))
    first, second = mailbox.received
    assert first.message["Message-ID"] == f"<notices.{notice.batch}@example.org>" != second.message["Message-ID"]
    assert "www2" not in first.message.get_content()
    assert "www2" in second.message.get_content()


def test_a_worker_that_died_after_sending_sends_the_same_message_once_more(people, mailbox, monkeypatch):
    """The receiver sees from its id that it is the same one."""
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice(1), a_notice(2))

    class Died(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("notifications.service.notices._close", die)
        with pytest.raises(Died):
            tell(JOE, PLUGIN, now=now)
    raise_notice(a_notice(3))
    assert tell(JOE, PLUGIN, now=now)  # only what the dead one does not hold
    assert not tell(JOE, PLUGIN, now=now + timedelta(minutes=9))
    assert tell(JOE, PLUGIN, now=now + timedelta(minutes=11))
    first, other, again = [mail.message for mail in mailbox.received]
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first.get_content() == again.get_content()


@pytest.mark.parametrize("trouble", [Misconfigured("no server"), Temporary("later"), ZeroDivisionError("x")], ids=repr)
def test_what_somebody_can_repair_is_tried_again(people, monkeypatch, trouble):
    monkeypatch.setitem(registry.entries, odd_notifier.SLUG, odd_notifier.ENTRIES[odd_notifier.SLUG])
    monkeypatch.setattr(odd_notifier.OddNotifier, "trouble", trouble)
    notice = a_notice()
    notice.channel = odd_notifier.SLUG
    raise_notice(notice)
    assert not tell(JOE, odd_notifier.SLUG)
    left = Notice.objects.get()
    assert (left.state, left.failures, told()) == ("waiting", 1, [])
    assert ("failed unexpectedly" in left.last_error) == isinstance(trouble, ZeroDivisionError)
    monkeypatch.setattr(odd_notifier.OddNotifier, "trouble", None)
    assert tell(JOE, odd_notifier.SLUG, now=clock() + timedelta(hours=1))


def test_what_is_hopeless_is_given_up_and_remembered(people, mailbox):
    mailbox.refuse[JOE] = "550 no such user"
    raise_notice(a_notice(1), a_notice(2))
    assert not tell(JOE, PLUGIN)
    assert set(Notice.objects.values_list("state", flat=True)) == {"failed"}
    assert told() == [Event.NOTICE_FAILED]
    assert not tell(JOE, PLUGIN, now=clock() + timedelta(days=9))


def test_after_eight_failures_it_is_given_up(people, mailbox):
    mailbox.refuse[JOE] = "450 greylisted"
    raise_notice(a_notice())
    for hours in range(1, 9):
        assert told() == []
        tell(JOE, PLUGIN, now=clock() + timedelta(hours=hours * 10))
    assert told() == [Event.NOTICE_FAILED]


@pytest.mark.parametrize("channel", ["no-such-channel", "pem-export"])
def test_a_channel_that_does_not_exist(people, channel):
    notice = a_notice()
    notice.channel = channel
    raise_notice(notice)
    assert not tell(JOE, channel)
    assert "There is no notification plugin" in Notice.objects.get().last_error


def test_one_that_asks_for_it_configures_the_channel(people, mailbox):
    asking = a_notification(people.alice)
    raise_notice(a_notice(notification=asking))
    assert tell(JOE, PLUGIN)
    assert mailbox.received[0].recipients == [JOE]
    raise_notice(a_notice(2, notification=asking))
    delete(asking, by=people.alice)
    assert tell(JOE, PLUGIN)


def test_of_two_workers_one_tells(people, mailbox):
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice(1), a_notice(2))
    mine = Notice.objects.claim_for(JOE, PLUGIN, now=now)
    assert [notice.attempts for notice in mine] == [1, 1]
    assert len({notice.batch for notice in mine}) == 1
    assert Notice.objects.claim_for(JOE, PLUGIN, now=now) == []
    assert not tell(JOE, PLUGIN, now=now)


def test_who_slept_past_the_lease_writes_nothing(people, mailbox, monkeypatch):
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice())
    send = email.EmailNotifier.send

    def slow(self, message, recipients):
        monkeypatch.setattr(email.EmailNotifier, "send", send)
        assert tell(JOE, PLUGIN, now=now + timedelta(minutes=11))
        send(self, message, recipients)

    monkeypatch.setattr(email.EmailNotifier, "send", slow)
    assert tell(JOE, PLUGIN, now=now)
    first, second = mailbox.received
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert (Notice.objects.get().state, Notice.objects.get().attempts, told()) == ("done", 2, [Event.NOTICE_SENT])


def test_half_a_message_is_not_sent(people, mailbox):
    """Two workers whose statements met within one batch: neither sends, and once the leases have run out one does."""
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice(1), a_notice(2))
    first, _ = Notice.objects.claim_for(JOE, PLUGIN, now=now)
    later = now + timedelta(minutes=11)
    Notice.objects.filter(pk=first.pk).update(not_before=later + timedelta(minutes=10))
    assert not tell(JOE, PLUGIN, now=later)
    assert mailbox.received == []
    assert tell(JOE, PLUGIN, now=later + timedelta(minutes=11))
    assert set(Notice.objects.values_list("state", flat=True)) == {"done"}
