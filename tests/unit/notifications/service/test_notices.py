"""Notices: written down once, told in one message, told again only if it failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from core.audit import Event
from core.models import AuditEntry
from notifications import service
from notifications.models import Notice
from notifications.service import delete, raise_notice, tell
from notifications.tasks import sweep_notices
from plugins import Misconfigured, Permanent, Temporary, network, registry
from plugins.notifications import email
from tests import odd_notifier
from tests.notifying import PLUGIN, a_notification
from tests.servers.posts import post_server
from tests.servers.slack import PATH, said, slack

pytestmark = pytest.mark.django_db

JOE = "joe@example.org"


def a_notice(number: int = 1, recipient: str = JOE, **fields):
    return Notice(
        kind="certificate-expiring", recipient=recipient, channel=PLUGIN, dedupe=f"{number}:{recipient}",
        subject_label=f"www{number}.example.org", subject_url=f"/certificates/{number}", **fields,
    )  # fmt: skip


def plain(mail):
    return mail.message.get_body(("plain",)).get_content()


def told():
    return list(AuditEntry.objects.filter(event__startswith="notice.").values_list("event", flat=True))


def test_one_message_for_all_that_is_due(people, mailbox):
    raise_notice(a_notice(1), a_notice(2), a_notice(3, recipient="jane@example.org"))
    assert tell(JOE, PLUGIN)
    [mail] = mailbox.received
    text = plain(mail)
    assert mail.recipients == [JOE]
    assert mail.message["Subject"] == "Lemur: 2 certificates end soon"
    assert "* www1.example.org" in text
    assert "www1.example.org</a>" in mail.message.get_body(("html",)).get_content()
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
    assert "www2" not in plain(first)
    assert "www2" in plain(second)


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
    first, other, again = mailbox.received
    assert first.message["Message-ID"] == again.message["Message-ID"] != other.message["Message-ID"]
    assert plain(first) == plain(again)


def test_what_waits_behind_a_message_that_is_sent_again_waits_for_no_sweep(
    people, mailbox, nudges, django_capture_on_commit_callbacks
):
    now = clock() + timedelta(seconds=1)
    raise_notice(a_notice(1))
    Notice.objects.claim_for(JOE, PLUGIN, now=now)  # by a worker that dies
    raise_notice(a_notice(2))
    later = now + timedelta(minutes=11)
    with django_capture_on_commit_callbacks(execute=True):
        assert tell(JOE, PLUGIN, now=later)
    assert nudges == [("notifications.tell", (JOE, PLUGIN))]
    with django_capture_on_commit_callbacks(execute=True):
        assert tell(JOE, PLUGIN, now=later)
    assert len(nudges) == 1


@pytest.mark.parametrize("trouble", [Misconfigured("no server"), Temporary("later"), ZeroDivisionError("x")], ids=repr)
def test_what_somebody_can_repair_is_tried_again(people, odd, monkeypatch, trouble):
    monkeypatch.setattr(odd, "trouble", trouble)
    an_odd_notice()
    assert not tell(JOE, odd_notifier.SLUG)
    left = Notice.objects.get()
    assert (left.state, left.failures, told()) == ("waiting", 1, [])
    assert ("failed unexpectedly" in left.last_error) == isinstance(trouble, ZeroDivisionError)
    monkeypatch.setattr(odd, "trouble", None)
    assert tell(JOE, odd_notifier.SLUG, now=clock() + timedelta(hours=1))


def test_what_is_hopeless_is_given_up_and_remembered(people, mailbox):
    mailbox.refuse[JOE] = "550 no such user"
    raise_notice(a_notice(1), a_notice(2))
    assert not tell(JOE, PLUGIN)
    assert set(Notice.objects.values_list("state", flat=True)) == {"failed"}
    assert told() == [Event.NOTICE_FAILED]
    assert not tell(JOE, PLUGIN, now=clock() + timedelta(days=9))


@pytest.fixture
def odd(monkeypatch) -> type[odd_notifier.OddNotifier]:
    """A channel, which a test may give trouble."""
    monkeypatch.setitem(registry.entries, odd_notifier.SLUG, odd_notifier.ENTRIES[odd_notifier.SLUG])
    monkeypatch.setattr(odd_notifier.OddNotifier, "trouble", None)
    return odd_notifier.OddNotifier


def an_odd_notice() -> Notice:
    raise_notice(notice := a_notice())
    Notice.objects.update(channel=odd_notifier.SLUG)
    return Notice.objects.get(dedupe=notice.dedupe)


def test_nothing_is_lost_while_the_server_is_away_for_days(people, odd, monkeypatch):
    monkeypatch.setattr(odd, "trouble", Temporary("nobody answers"))
    notice, away = an_odd_notice(), timedelta(days=5)
    start = notice.not_before
    while notice.not_before < start + away:
        assert not tell(JOE, odd_notifier.SLUG, now=notice.not_before)
        before = notice.not_before
        notice.refresh_from_db()
        assert notice.state == "waiting"
        assert timedelta(minutes=1) <= notice.not_before - before <= timedelta(hours=6)
    monkeypatch.setattr(odd, "trouble", None)
    assert tell(JOE, odd_notifier.SLUG, now=notice.not_before)


def test_in_the_end_it_is_given_up(people, odd, monkeypatch):
    monkeypatch.setattr(odd, "trouble", Temporary("nobody answers"))
    an_odd_notice()
    Notice.objects.update(failures=Notice.most_failures - 2)
    for days in (1, 2):
        assert told() == []
        tell(JOE, odd_notifier.SLUG, now=clock() + timedelta(days=days))
    assert told() == [Event.NOTICE_FAILED]


def test_whatever_a_server_says_can_be_written_down(people, odd, monkeypatch):
    monkeypatch.setattr(odd, "trouble", Permanent("no \x00 such \udc80 user"))
    an_odd_notice()
    assert not tell(JOE, odd_notifier.SLUG)
    assert Notice.objects.get().last_error == r"no \x00 such \udc80 user"
    assert told() == [Event.NOTICE_FAILED]


def test_a_message_that_cannot_be_made_waits_like_any_other(people, odd, monkeypatch):
    monkeypatch.delattr("notifications.messages.of_notices")
    notice = an_odd_notice()
    assert not tell(JOE, odd_notifier.SLUG)
    notice.refresh_from_db()
    assert (notice.state, notice.failures, notice.leased) == ("waiting", 1, False)


def test_one_run_sends_each_recipient_one_message_and_one_that_fails_stops_nobody(people, mailbox):
    names = ("ann", JOE.partition("@")[0], "zoe")
    for name in names:
        raise_notice(*(a_notice(number, recipient=f"{name}@example.org") for number in range(3)))
    mailbox.refuse[JOE] = "450 mailbox full"
    sweep_notices()
    assert [mail.recipients for mail in mailbox.received] == [["ann@example.org"], ["zoe@example.org"]]
    assert {mail.message["Subject"] for mail in mailbox.received} == {"Lemur: 3 certificates end soon"}
    sweep_notices()
    assert len(mailbox.received) == 2, "the next minute sends nothing again, and asks for Joe later"
    assert set(Notice.objects.filter(recipient=JOE).values_list("failures", flat=True)) == {1}
    mailbox.refuse.clear()
    Notice.objects.filter(state="waiting").update(not_before=clock())
    sweep_notices()
    assert mailbox.received[-1].recipients == [JOE]
    assert service.waiting_recipients() == []


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
    first, second = Notice.objects.claim_for(JOE, PLUGIN, now=now)
    later = now + timedelta(minutes=11)
    Notice.objects.filter(pk=first.pk).update(not_before=later + timedelta(minutes=10))
    assert not tell(JOE, PLUGIN, now=later)
    assert mailbox.received == []
    assert Notice.objects.get(pk=second.pk).attempts == 1, (
        "taken alone, it would keep the other one waiting in its turn"
    )
    assert tell(JOE, PLUGIN, now=later + timedelta(minutes=11))
    assert set(Notice.objects.values_list("state", flat=True)) == {"done"}


def test_two_of_one_plugin_do_not_share_a_configuration(people, two_places):
    """Though both name the same recipient."""
    first, second = two_places
    for number, asking in enumerate((first, second, first)):
        [address] = service.addresses_of(asking)
        fields = {"label": f"www{number}", "url": "", "topic": f"x:{number}"}
        raise_notice(address.notice("certificate-expiring", str(number), **fields))
    assert [told_to for told_to, _ in service.waiting_recipients()] == ["#ops", "#ops"]
    sweep_notices()
    arrived = [[said(post) for post in server.received] for server in (first.server, second.server)]
    [[(subject, text, _)], [(other, _, _)]] = arrived
    assert subject == "Lemur: 2 certificates end soon"
    assert ("* www0" in text, "* www2" in text, other) == (True, True, "Lemur: certificate expiring: www1")


@pytest.fixture
def two_places(people):
    """Two webhooks of Slack, each with a server of its own."""
    network.configure(allow=["127.0.0.0/8"])
    with post_server(slack) as one, post_server(slack) as other:
        made = []
        for label, server in (("one", one), ("other", other)):
            options = {"interval": 1, "unit": "days", "webhook": server.url + PATH, "recipients": "#ops"}
            made.append(a_notification(people.alice, label=label, plugin="slack-notification", options=options))
            made[-1].server = server
        yield made
    network.configure(allow=[])


def test_what_only_a_deleted_one_could_carry_is_given_up(people, two_places):
    first, _ = two_places
    [address] = service.addresses_of(first)
    raise_notice(address.notice("certificate-expiring", "1", label="www", url=""))
    delete(first, by=people.alice)
    assert not tell(address.recipient, address.channel)
    assert Notice.objects.get().last_error == "The notification that would have carried it was deleted."
    assert told() == [Event.NOTICE_FAILED]


def test_thousands_of_certificates_make_one_mail(people, mailbox):
    raise_notice(*(a_notice(number) for number in range(2_000)))
    sweep_notices()
    sweep_notices()
    [mail] = mailbox.received
    assert mail.message["Subject"] == "Lemur: 2000 certificates end soon"
    assert len(mail.content) < 200_000
    assert Notice.objects.filter(state="done", sent_at__isnull=False).count() == 2_000


def test_a_server_that_says_when_is_not_asked_sooner(people, odd, monkeypatch):
    monkeypatch.setattr(odd, "trouble", Temporary("busy", retry_after=timedelta(hours=2)))
    notice, now = an_odd_notice(), clock() + timedelta(seconds=1)
    assert not tell(JOE, odd_notifier.SLUG, now=now)
    notice.refresh_from_db()
    assert notice.not_before == now + timedelta(hours=2)
