"""Mail, through the one server of this installation: whoever runs it names it once, by `configure`.

The connection is TLS with a verified certificate wherever the setting says so; what the server does not accept becomes
one of the plugin errors, so that the caller knows whether to try again.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, localtime
from typing import Final, Literal

from pydantic import Field, field_validator

from pki.errors import PkiError
from pki.names import parse as parse_name
from pki.names import printable
from plugins import network
from plugins.contracts import Notifier
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.notifications.base import NotificationOptions
from plugins.values import Message

SILENCE_SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 60.0
"""From connecting to the server's last word, however slowly it drips."""
LONGEST_REPLY: Final = 200
MOST_RECIPIENTS: Final = 100
TOO_LARGE: Final = 552
# Pure ASCII on the wire, whatever the server can take.
POLICY = SMTP_POLICY.clone(cte_type="7bit")


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed in, and in whose name. `ca_file` holds the roots to trust instead of the system's."""

    host: str
    port: int
    sender: str
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


_server: MailServer | None = None


def configure(server: MailServer | None) -> None:
    """Name the mail server of this process; None: there is none."""
    global _server  # noqa: PLW0603  set once, when the program starts
    _server = server


def configured() -> bool:
    """Whether there is a mail server at all."""
    return _server is not None


def addresses(text: str) -> tuple[str, ...]:
    """The addresses in a list with commas, each once, domains in lower-case ASCII. ValueError names a wrong one."""
    found = dict.fromkeys(_address(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise ValueError("there is no address in it")
    if len(found) > MOST_RECIPIENTS:
        raise ValueError(f"there are more than {MOST_RECIPIENTS} addresses in it")
    return tuple(found)


def _address(text: str) -> str:
    try:
        return parse_name("rfc822Name", text).value
    except PkiError as error:
        raise ValueError(str(error)) from None


class EmailNotifier(Notifier):
    """One message for all recipients of a call."""

    slug = "email-notification"
    title = "Email"
    description = "Mail through the server of this installation (EMAIL_URL)."
    is_shared = True

    class Options(NotificationOptions):
        """Lemur's, by its names."""

        recipients: str = Field(max_length=4096, description="E-mail addresses, with commas between them.")

        @field_validator("recipients")
        @classmethod
        def _addresses(cls, value: str) -> str:
            return ",".join(addresses(value))

    options: Options

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(self.options.recipients.split(","))

    def check(self) -> None:
        with _session(_the_server()) as smtp:
            smtp.noop()

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        server = _the_server()
        try:
            to = addresses(",".join(recipients))
        except ValueError as error:
            raise Permanent(f"This cannot be sent by mail: {error}") from None
        # Not send_message(), which writes ">" before a line that begins with "From ".
        mail = compose(message, sender=server.sender, to=to).as_bytes()
        with _session(server) as smtp:
            refused = smtp.sendmail(server.sender, list(to), mail)
        if refused:
            raise _refusal(refused)


def compose(message: Message, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """The mail. Whatever could end a header or hide something in it is written out."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address("Lemur", addr_spec=sender)
    mail["To"] = [Address(addr_spec=one) for one in to]
    mail["Subject"] = printable(" ".join(message.subject.split()))
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9._-]', '-', message.id)}@{_domain(sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return mail


def _the_server() -> MailServer:
    if _server is None:
        raise Misconfigured("There is no mail server: whoever runs this installation must set EMAIL_URL.")
    return _server


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A connection on which one is logged in. Inside, what goes wrong with it becomes a plugin error."""
    try:
        smtp = _new(server)
        with _ending_in_time(smtp):
            try:
                _begin(smtp, server)
                yield smtp
                # What was accepted is accepted, however the server says good-bye.
                with suppress(OSError):
                    smtp.quit()
            finally:
                smtp.close()
    except OSError as error:  # of which the errors of smtplib and ssl are some
        raise _explained(error, server) from error


class _Guarded(smtplib.SMTP):
    """Connects to what may be contacted alone; the mail server may be on this machine, since a setting names it."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = network.connect(host, port, network.Target.SETTING, seconds=timeout)
        made.settimeout(timeout)
        return made


class _GuardedTls(smtplib.SMTP_SSL, _Guarded):
    """The same, with TLS from the first byte: the library asks its next class for the socket."""


def _new(server: MailServer) -> smtplib.SMTP:
    name = _domain(server.sender)
    if server.security == "tls":
        return _GuardedTls(local_hostname=name, timeout=SILENCE_SECONDS, context=_context(server))
    return _Guarded(local_hostname=name, timeout=SILENCE_SECONDS)


def _begin(smtp: smtplib.SMTP, server: MailServer) -> None:
    smtp._host = server.host  # type: ignore[attr-defined]  # the name that TLS verifies; connect() does not set it
    code, reply = smtp.connect(server.host, server.port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, reply)
    if server.security == "starttls":
        smtp.starttls(context=_context(server))
    if server.user:
        smtp.login(server.user, server.password)


def _context(server: MailServer) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as error:
        raise Misconfigured(f"EMAIL_CA_FILE cannot be read: {error.strerror or error}.") from error


@contextmanager
def _ending_in_time(smtp: smtplib.SMTP) -> Iterator[None]:
    """Cuts the connection when the time is over: a time-out alone would begin anew with each byte."""

    def cut() -> None:
        with suppress(OSError, AttributeError, TypeError):
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)  # type: ignore[arg-type]  # None: not connected

    timer = threading.Timer(TOTAL_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _explained(error: OSError, server: MailServer) -> PluginError:
    where = f"The mail server {server}"
    match error:
        case smtplib.SMTPRecipientsRefused():
            return _refusal(error.recipients)
        case smtplib.SMTPResponseException():
            return _answered(error, where)
        case smtplib.SMTPServerDisconnected():
            return Temporary(f"{where} hung up, or answered too slowly.")
        case smtplib.SMTPException():
            return Misconfigured(f"{where} cannot do what EMAIL_URL asks for: {_shown(str(error))}")
        case ssl.SSLError():
            return _tls_error(error, where)
    return Temporary(f"{where} cannot be reached: {error.strerror or error or 'no answer in time'}.")


def _answered(error: smtplib.SMTPResponseException, where: str) -> PluginError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _by_code(error, f"{where} refuses the user name or the password", wrong=Misconfigured, said=False)
    if isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code != TOO_LARGE:
        return _by_code(error, f"{where} refuses the sender {printable(error.sender)}", wrong=Misconfigured)
    return _by_code(error, f"{where} refuses", wrong=Permanent)


def _by_code(
    error: smtplib.SMTPResponseException, text: str, *, wrong: type[PluginError], said: bool = True
) -> PluginError:
    """RFC 5321, 4.2.1: 4xx may pass, 5xx stays. ``said``: show the server's words, unless they could be a secret."""
    words = f"{text}: {error.smtp_code} {_shown(error.smtp_error)}" if said else f"{text} ({error.smtp_code})."
    return wrong(words) if 500 <= error.smtp_code <= 599 else Temporary(words)


def _tls_error(error: ssl.SSLError, where: str) -> PluginError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Misconfigured(
            f"The TLS certificate of {where[0].lower()}{where[1:]} is not trusted: {error.verify_message}. "
            "EMAIL_CA_FILE names the roots to trust."
        )
    if error.reason == "WRONG_VERSION_NUMBER":
        return Misconfigured(f"{where} does not begin with TLS on this port; see EMAIL_URL.")
    return Temporary(f"{where} broke off the TLS handshake: {error.reason or 'it hung up'}.")


def _refusal(refused: Mapping[str, tuple[int, bytes]]) -> PluginError:
    """Some or all recipients were not accepted: worth another try only if none of them is hopeless."""
    words = "; ".join(f"{printable(who)}: {code} {_shown(reply)}" for who, (code, reply) in refused.items())
    text = f"The mail server did not accept {words}"
    hopeless = any(500 <= code <= 599 for code, _ in refused.values())
    return Permanent(text) if hopeless else Temporary(text)


def _shown(reply: bytes | str) -> str:
    """A server's words on one line, as text that cannot do anything."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return printable(" ".join(text.split()))[:LONGEST_REPLY]
