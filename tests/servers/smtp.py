"""A real mail server (aiosmtpd) on a free port of 127.0.0.1: with STARTTLS, TLS, log-in and refusals; and one that is ill."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests import pki_material

HOST, USER, PASSWORD = "localhost", "mailer", "s3cret of the mailer"


@dataclass
class Mail:
    """One mail as it arrived."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)  # type: ignore[return-value]


@dataclass
class MailServer:
    """A running server. ``refuse`` maps recipients to answers; ``after_data`` is the answer to what is sent.

    ``drops``: it keeps what is sent, and hangs up instead of saying so.
    """

    port: int = 0
    ca_file: str = ""
    received: list[Mail] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    refuse_sender: str = ""
    after_data: str = "250 OK"
    drops: bool = False
    peers: list[str] = field(default_factory=list)

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> Any:
        session.host_name = hostname
        self.peers.append(hostname)
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.after_data.startswith("250"):
            self.received.append(Mail(envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if self.drops:
            server.transport.abort()
        return self.after_data


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    if isinstance(data, LoginPassword):
        right = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=right, handled=False)
    return AuthResult(success=False, handled=False)


@contextmanager
def mail_server(directory: Path, *, security: str = "none", auth: bool = False) -> Iterator[MailServer]:
    """``security`` is none, starttls (required then) or tls."""
    mailbox = MailServer()
    context, mailbox.ca_file = tls_context(directory)
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": free_port(), "server_hostname": HOST}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if security == "tls":
        options |= {"ssl_context": context}
    if auth:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": security == "starttls"}
    controller = Controller(mailbox, **options)
    mailbox.port = options["port"]
    if security == "tls":
        controller._trigger_server = lambda: _greet(mailbox)  # type: ignore[method-assign]  # its own distrusts our CA
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def _greet(mailbox: MailServer) -> None:
    """The first connection of all, after which the server counts as started."""
    context = ssl.create_default_context(cafile=mailbox.ca_file)
    plain = socket.create_connection(("127.0.0.1", mailbox.port), timeout=5)
    with context.wrap_socket(plain, server_hostname=HOST) as connection:
        assert connection.recv(3) == b"220"


def tls_context(directory: Path) -> tuple[ssl.SSLContext, str]:
    """For a server called localhost, and the file of the root that vouches for it."""
    material = pki_material.material()
    leaf = material.leaf_with(issuer=material.root, names=[HOST])
    (directory / "server.pem").write_text(leaf.pem + leaf.key_pem)
    (directory / "root.pem").write_text(material.root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context, str(directory / "root.pem")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def ill_server(*lines: bytes, then: str = "cut", pause: float = 0.05, mail_after: int = 0) -> Iterator[int]:
    """Answers each line it gets with the next of ``lines``, the first without being asked.

    Then it cuts the connection after one more line, is silent, or drips: a byte each ``pause`` seconds, without end.
    After ``mail_after`` lines it takes a whole mail before it goes on.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as asked:
                for place, line in enumerate(lines):
                    while place and asked.readline() != b".\r\n" and place == mail_after:
                        pass
                    connection.sendall(line + b"\r\n")
                if then == "cut" and lines:
                    asked.readline()
                while then != "cut" and not over.wait(pause):
                    if then == "drip":
                        connection.sendall(b"2")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(timeout=5)
