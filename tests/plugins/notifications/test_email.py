"""Mail: the contract of notifiers against a real server, and what only a mail server can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins import Message, Misconfigured, OptionErrors, Permanent, PluginError, Temporary, parse
from plugins.notifications import email
from plugins.notifications.email import EmailNotifier, MailServer
from plugins.testing_notifiers import SAMPLE, Delivered, NotifierContract
from tests.endings import ends
from tests.servers.smtp import HOST, PASSWORD, USER, free_port, ill_server, mail_server
from tests.servers.smtp import MailServer as Mailbox

TO = ["alice@example.org", "bob@example.org"]
VALUES = {"interval": 30, "unit": "days", "recipients": ",".join(TO)}


@pytest.fixture(autouse=True)
def _nobody_configured() -> Iterator[None]:
    """Whatever a test names as the mail server, the next one does not know it."""
    before = email._server
    yield
    email.configure(before)


def at(mailbox: Mailbox | int, **changes: Any) -> MailServer:
    port = mailbox if isinstance(mailbox, int) else mailbox.port
    server = MailServer(host=HOST, port=port, sender="lemur@lemur.example.org")
    if not isinstance(mailbox, int):
        server = replace(server, ca_file=mailbox.ca_file)
    return replace(server, **changes)


def notifier(**changes: Any) -> EmailNotifier:
    return EmailNotifier(parse(EmailNotifier.Options, {**VALUES, **changes}))


def send(server: MailServer | None, message: Message = SAMPLE, to: list[str] = TO) -> None:
    email.configure(server)
    notifier().send(message, to)


class TestEmail(NotifierContract):
    plugin_class = EmailNotifier
    values = VALUES
    wrong_values = {
        "interval": 0,
        "unit": "fortnights",
        "recipients": "alice@example.org, charlie",
    }

    @pytest.fixture(autouse=True)
    def _running(self, tmp_path: Path) -> Iterator[None]:
        with mail_server(tmp_path, security="starttls", auth=True) as self.mailbox:
            self.server = at(self.mailbox, security="starttls", user=USER, password=PASSWORD)
            email.configure(self.server)
            yield

    def delivered(self) -> list[Delivered]:
        arrived = [(one.message, one.recipients) for one in self.mailbox.received]
        return [
            Delivered(message["Message-ID"], message["Subject"], message.get_content(), recipients)
            for message, recipients in arrived
        ]

    def recipients(self) -> list[str]:
        return list(TO)

    def unreachable(self) -> Any:
        email.configure(at(free_port()))
        return self.make()

    def refused(self) -> Any:
        email.configure(replace(self.server, password="something else"))
        return self.make()

    def test_the_password_is_in_no_error(self) -> None:
        with pytest.raises(Misconfigured) as caught:
            self.refused().send(SAMPLE, TO)
        assert "something else" not in f"{caught.value} {email._server!r}"
        assert caught.value.message == f"The mail server {self.server} refuses the user name or the password (535)."


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize("auth", [False, True])
def test_every_kind_of_connection(security: str, auth: bool, tmp_path: Path) -> None:
    with mail_server(tmp_path, security=security, auth=auth) as mailbox:
        login = {"user": USER, "password": PASSWORD} if auth else {}
        send(at(mailbox, security=security, **login))
        notifier().check()
        [mail] = mailbox.received
    assert (mail.sender, mail.recipients) == ("lemur@lemur.example.org", TO)
    assert mail.message["From"] == "Lemur <lemur@lemur.example.org>"
    assert mail.message["Message-ID"] == "<sample.1@lemur.example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.content.isascii()
    assert set(mailbox.peers) == {"lemur.example.org"}


def test_text_and_html_come_as_alternatives(tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox:
        send(at(mailbox), Message(id="1", subject="Both", text="plain\n", html="<p>rich ü</p>\n"))
        [mail] = mailbox.received
    parts = [part.get_content().strip() for part in mail.message.iter_parts()]
    assert parts == ["plain", "<p>rich ü</p>"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_is_refused(security: str, tmp_path: Path) -> None:
    with mail_server(tmp_path, security=security) as mailbox:
        with pytest.raises(Misconfigured, match=r"certificate of the mail server .* is not trusted: .*EMAIL_CA_FILE"):
            send(at(mailbox, security=security, ca_file=None))
        with pytest.raises(Misconfigured, match=r"is not trusted: IP address mismatch"):
            send(at(mailbox, security=security, host="127.0.0.1"))
        assert mailbox.received == []


def test_without_starttls_nothing_is_said(tmp_path: Path) -> None:
    """Neither the password nor the mail goes out in the clear because somebody took STARTTLS away."""
    with mail_server(tmp_path) as mailbox:
        with pytest.raises(Misconfigured, match="STARTTLS extension not supported"):
            send(at(mailbox, security="starttls", user=USER, password=PASSWORD))
        assert mailbox.received == []


def test_tls_where_there_is_none(tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox, pytest.raises(Misconfigured, match="does not begin with TLS"):
        send(at(mailbox, security="tls"))


def test_a_password_where_none_is_asked_for(tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox, pytest.raises(Misconfigured, match="AUTH extension not supported"):
        send(at(mailbox, user=USER, password=PASSWORD))


def test_a_server_that_wants_a_password(tmp_path: Path) -> None:
    with mail_server(tmp_path, auth=True) as mailbox, pytest.raises(Misconfigured, match=r"refuses the sender .* 530"):
        send(at(mailbox))


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"refuse": {TO[0]: "550 no such user", TO[1]: "550 nor this"}}, Permanent, "alice@example.org: 550 no such"),
        ({"refuse": {TO[1]: "550 no such user"}}, Permanent, "did not accept bob@example.org: 550 no such user"),
        ({"refuse": {TO[0]: "450 greylisted", TO[1]: "450 greylisted"}}, Temporary, "450 greylisted"),
        ({"refuse": {TO[0]: "450 greylisted"}}, Temporary, "did not accept alice@example.org: 450 greylisted"),
        ({"refuse_sender": "553 not ours"}, Misconfigured, "refuses the sender lemur@lemur.example.org: 553 not ours"),
        ({"refuse_sender": "451 later"}, Temporary, "451 later"),
        ({"refuse_sender": "552 too large"}, Permanent, "refuses: 552 too large"),
        ({"after_data": "554 looks like spam"}, Permanent, "refuses: 554 looks like spam"),
        ({"after_data": "452 disk is full"}, Temporary, "refuses: 452 disk is full"),
    ],
)
def test_what_the_server_refuses(changes: dict[str, Any], kind: type[PluginError], said: str, tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox:
        vars(mailbox).update(changes)
        with pytest.raises(PluginError) as caught:
            send(at(mailbox))
    assert type(caught.value) is kind
    assert said in caught.value.message


def test_a_servers_words_cannot_do_anything(tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox:
        mailbox.after_data = "554 \x1b[31m" + "x" * 900
        with pytest.raises(Permanent) as caught:
            send(at(mailbox))
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


GREETED = (b"220 mail.example.org", b"250 mail.example.org")
ACCEPTED = (*GREETED, b"250 sender", b"250 alice", b"250 bob", b"354 go on")


@pytest.mark.parametrize("lines", [(), GREETED[:1], GREETED, ACCEPTED[:4]])
def test_a_connection_that_is_cut_is_worth_another_try(lines: tuple[bytes, ...]) -> None:
    with ill_server(*lines) as port, pytest.raises(Temporary, match="hung up"):
        send(at(port))


def test_a_connection_that_is_cut_within_the_mail_is_worth_another_try() -> None:
    with ill_server(*ACCEPTED) as port, pytest.raises(Temporary):
        send(at(port), Message(id="1", subject="Long", text="x\n" * 400_000))


@pytest.mark.parametrize(("greeting", "kind"), [(b"421 busy", Temporary), (b"554 not you", Permanent)])
def test_a_server_that_does_not_want_to_talk(greeting: bytes, kind: type[PluginError]) -> None:
    with ill_server(greeting) as port, pytest.raises(PluginError) as caught:
        send(at(port))
    assert type(caught.value) is kind


@pytest.mark.parametrize("then", ["silence", "drip"])
@pytest.mark.parametrize("lines", [(), GREETED])
def test_nobody_waits_for_ever(then: str, lines: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(email, "TOTAL_SECONDS", 1.0)
    with ends(), ill_server(*lines, then=then) as port, pytest.raises(Temporary):
        send(at(port))


def test_what_is_accepted_stays_accepted_though_the_good_bye_fails() -> None:
    """Else it would be sent again."""
    with ill_server(*ACCEPTED, b"250 queued", b"500 what?", mail_after=len(ACCEPTED)) as port:
        send(at(port))


def test_names_that_do_not_exist_are_worth_another_try() -> None:
    with pytest.raises(Temporary, match=r"mail server no-such-host.invalid:25 cannot be reached"):
        send(MailServer(host="no-such-host.invalid", port=25, sender="lemur@example.org"))


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_addresses_that_are_not_contacted(security: Any) -> None:
    with pytest.raises(Misconfigured, match=r"169\.254\.169\.254, an address that is never contacted"):
        send(MailServer(host="169.254.169.254", port=25, sender="lemur@example.org", security=security))


def test_without_a_server_it_says_what_to_set() -> None:
    with pytest.raises(Misconfigured, match="EMAIL_URL"):
        send(None)
    assert not email.configured()


def test_a_file_of_roots_that_is_not_there(tmp_path: Path) -> None:
    with mail_server(tmp_path, security="tls") as mailbox, pytest.raises(Misconfigured, match="EMAIL_CA_FILE"):
        send(at(mailbox, security="tls", ca_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" alice@Example.ORG ,bob@bücher.example", "alice@example.org,bob@xn--bcher-kva.example"),
        ("alice@example.org,,alice@example.org,", "alice@example.org"),
        ("root@localhost", "root@localhost"),
        ("o'brien+x#1@example.org", "o'brien+x#1@example.org"),
    ],
)
def test_addresses_are_kept_in_one_form(given: str, kept: str) -> None:
    assert notifier(recipients=given).options.recipients == kept


@pytest.mark.parametrize(
    "given",
    [
        ",",
        "alice",
        "a@example.org;b@example.org",
        "Alice <alice@example.org>",
        "a b@example.org",
        "a@example.org\nBcc: charlie@example.org",
        "-@-.org",
        "ü@example.org",
        "a@*.example.org",
        ",".join(f"a{number}@example.org" for number in range(101)),
    ],
)
def test_what_is_no_list_of_addresses_is_refused(given: str) -> None:
    with pytest.raises(OptionErrors) as caught:
        notifier(recipients=given)
    assert list(caught.value.errors) == ["recipients"]


@pytest.mark.parametrize("local", ["o'brien+x#1", "a.b-c_d", "x%y=z", "{curly}~"])
def test_odd_addresses_arrive(local: str, tmp_path: Path) -> None:
    with mail_server(tmp_path) as mailbox:
        send(at(mailbox), to=[f"{local}@example.org"])
        [mail] = mailbox.received
    assert mail.recipients == [f"{local}@example.org"]
    assert mail.message["To"].addresses[0].addr_spec == f"{local}@example.org"
