"""A mail server that is down, refuses, is slow, or hangs up once it has everything: what is due is told in one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from notifications.models import Notice
from notifications.service import raise_notice, tell
from plugins.notifications import email
from tests.endings import ends
from tests.servers.smtp import MailServer, free_port, ill_server

pytestmark = pytest.mark.django_db

JOE, PLUGIN = "joe@example.org", "email-notification"
HOUR = timedelta(hours=1)


@pytest.fixture
def due(people):
    """Three things that Joe must be told."""
    raise_notice(
        *(
            Notice(
                kind="certificate-expiring", recipient=JOE, channel=PLUGIN, dedupe=f"{number}",
                subject_label=f"www{number}", topic=f"x:{number}",
            )
            for number in range(3)
        )
    )  # fmt: skip


@contextmanager
def _at(port: int) -> Iterator[None]:
    before = email._server
    email.configure(email.MailServer(host="localhost", port=port, sender="lemur@example.org"))
    yield
    email.configure(before)


@pytest.mark.parametrize("trouble", ["down", "greets with 421", "cuts", "is silent", "drips"])
def test_a_server_that_is_ill(due, mailbox, monkeypatch, trouble):
    monkeypatch.setattr(email, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(email, "TOTAL_SECONDS", 0.6)
    ill = {
        "down": lambda: nullcontext(free_port()),
        "greets with 421": lambda: ill_server(b"421 busy"),
        "cuts": lambda: ill_server(b"220 hello", b"250 yes"),
        "is silent": lambda: ill_server(b"220 hello", then="silence"),
        "drips": lambda: ill_server(then="drip"),
    }[trouble]
    now = clock() + timedelta(seconds=1)
    with ends(), ill() as port, _at(port):
        assert not tell(JOE, PLUGIN, now=now)
    assert told_once_it_works(mailbox, now + HOUR) == 1


def test_one_that_says_later(due, mailbox):
    now = clock() + timedelta(seconds=1)
    mailbox.refuse[JOE] = "451 greylisted"
    for hour in range(3):
        assert not tell(JOE, PLUGIN, now=now + hour * HOUR)
    mailbox.refuse.clear()
    assert told_once_it_works(mailbox, now + 9 * HOUR) == 1


def test_one_that_hangs_up_once_it_has_everything(due, mailbox):
    """Nobody can tell whether it was accepted, so it is sent again; who gets both sees that they are one."""
    now = clock() + timedelta(seconds=1)
    mailbox.drops = True
    assert not tell(JOE, PLUGIN, now=now)
    mailbox.drops = False
    assert told_once_it_works(mailbox, now + HOUR) == 2


def test_one_that_says_never(due, mailbox):
    mailbox.after_data = "554 no"
    assert not tell(JOE, PLUGIN)
    mailbox.after_data = "250 OK"
    assert not tell(JOE, PLUGIN, now=clock() + HOUR)
    assert set(Notice.objects.values_list("state", "last_error")) == {
        ("failed", f"The mail server localhost:{mailbox.port} refuses: 554 no")
    }


def told_once_it_works(mailbox: MailServer, now) -> int:
    """How many mails there are; all have the one id."""
    assert set(Notice.objects.values_list("state", "failures")) <= {("waiting", 1), ("waiting", 3)}
    assert tell(JOE, PLUGIN, now=now)
    assert not tell(JOE, PLUGIN, now=now + HOUR)
    [batch] = set(Notice.objects.values_list("batch", flat=True))
    assert {mail.message["Message-ID"] for mail in mailbox.received} == {f"<notices.{batch}@example.org>"}
    assert set(Notice.objects.values_list("state", flat=True)) == {"done"}
    return len(mailbox.received)
