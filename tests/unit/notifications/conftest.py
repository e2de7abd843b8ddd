"""A real mail server, which the tests of this folder send to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.notifications import email
from tests.servers.smtp import MailServer, mail_server


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Whatever a test names as the mail server, the next one does not know it."""
    before = email._server
    yield
    email.configure(before)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[MailServer]:
    """What this process sends arrives here."""
    with mail_server(tmp_path) as server:
        email.configure(email.MailServer(host="localhost", port=server.port, sender="lemur@example.org"))
        yield server
