"""What the product stands on and what it works for: database, broker, mail, a CA, name server and targets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pki.envelope import new_key
from tests.postgres import Server
from tests.servers.knot import Knot, knot
from tests.servers.pebble import Pebble, pebble
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.redis import Redis
from tests.servers.sftp import SftpServer, sftp_server
from tests.servers.smtp import MailServer, mail_server
from tests.system.installation import Installation
from tests.system.parts import SHARED

BROKERS = ("redis", "rabbitmq", "filesystem")
# What survives that the process is killed, if not that the power fails; waiting for the disk would only cost time.
POSTGRES = ("fsync=off", "max_connections=300")
EVERY_SECONDS = {
    3: ("ORDERS", "DEPLOYMENTS", "REVOCATIONS", "NOTICES", "REISSUE_DUE", "FIND_ENDPOINT_ROTATIONS"),
    5: ("ENDPOINT_ROTATIONS", "NOTIFY_EXPIRING", "PUBLISH_CRLS", "FAILURES"),
    20: ("SYNC_SOURCES", "SYNCS", "CHECK_REVOCATION", "CHECK_ENDPOINTS", "SUGGESTIONS", "ESCALATE", "SEND_DIGESTS"),
}


class Broker(Protocol):
    """One that can be killed, and forget everything."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def flush(self) -> None: ...


class Folder:
    """The queue in a folder of the state directory: all that can happen to it is that it is emptied."""

    url = "filesystem://localhost"

    def __init__(self, home: Path) -> None:
        self.home = home

    def start(self) -> None:
        """It is there."""

    def kill(self) -> None:
        """There is nothing that runs."""

    def flush(self) -> None:
        for message in (self.home / "queue").glob("*.msg*"):
            message.unlink(missing_ok=True)


@dataclass
class Ground:
    """All of it running. ``place`` is the installation, of which nothing runs yet."""

    folder: Path
    place: Installation
    keys: str
    database: Server
    broker: Broker
    mail: MailServer
    sftp: SftpServer
    names: Knot
    ca: Pebble

    @property
    def targets(self) -> dict[str, Path]:
        """Where certificates are delivered to, by the label of the destination."""
        return {"directory": self.folder / "targets", "sftp": self.sftp.files}

    @property
    def address(self) -> str:
        """Of the database, for its driver."""
        return self.place.environment["DATABASE_URL"]


@contextmanager
def ground(folder: Path, kind: str) -> Iterator[Ground]:
    """With the broker of this kind of :data:`BROKERS`."""
    (folder / "targets").mkdir()
    home, keys = folder / "home", new_key()
    with ExitStack() as stack:
        database = Server()
        url = database.start(*POSTGRES)
        stack.callback(database.stop)
        broker = _broker(kind, folder, home, stack)
        mail = stack.enter_context(mail_server(folder))
        sftp = stack.enter_context(sftp_server())
        names = stack.enter_context(knot())
        ca = stack.enter_context(pebble(names.address))
        place = Installation(home, **_environment(url, broker.url, keys, folder, mail))
        yield Ground(folder, place, keys, database, broker, mail, sftp, names, ca)


def _broker(kind: str, folder: Path, home: Path, stack: ExitStack) -> Broker:
    if kind == "filesystem":
        return Folder(home)
    made = Redis(folder) if kind == "redis" else RabbitMQ(folder)
    stack.callback(made.close)
    made.start()
    return made


def _environment(url: str, broker: str, keys: str, folder: Path, mail: MailServer) -> dict[str, str]:
    often = {f"SWEEP_{name}_SECONDS": str(seconds) for seconds, names in EVERY_SECONDS.items() for name in names}
    return {
        **SHARED,
        "DJANGO_SETTINGS_MODULE": "lemur_site.settings",
        "ENCRYPTION_KEYS": keys,
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker,
        "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
        "DESTINATION_DIRECTORIES": str(folder / "targets"),
        "SOURCE_DIRECTORIES": str(folder / "targets"),
        "RENEWALS_AT_LEAST_PER_HOUR": "1000000",  # all of it is due within minutes, on purpose
        **often,
    }


class MailTrouble:
    """A mail server that for a while refuses, or takes a mail and never says so."""

    def __init__(self, mail: MailServer) -> None:
        self.mail = mail

    def refuse(self, seconds: float) -> None:
        self.mail.after_data = "451 4.3.0 Try again later"
        threading.Timer(seconds, self.end).start()

    def drop(self, seconds: float) -> None:
        self.mail.drops = True
        threading.Timer(seconds, self.end).start()

    def end(self) -> None:
        self.mail.after_data, self.mail.drops = "250 OK", False
