"""A real RabbitMQ on free ports of 127.0.0.1, with an Erlang port mapper of its own; it can be killed, and forget everything."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import require
from tests.servers.running import free_port
from tests.system.installation import wait_until

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # what is in the path would become another account first
START_SECONDS = 180.0


class RabbitMQ:
    """One node in a folder; a started one has the user guest, whom RabbitMQ lets in from 127.0.0.1 alone."""

    def __init__(self, folder: Path) -> None:
        require("rabbitmq-server")
        self.folder, self.port, self.mapper = folder / "rabbitmq", free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._mapping: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For CELERY_BROKER_URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def environment(self) -> dict[str, str]:
        node = {
            "NODENAME": f"lemur{self.port}@localhost",
            "NODE_IP_ADDRESS": "127.0.0.1",
            "NODE_PORT": str(self.port),
            "DIST_PORT": str(free_port()),
            "MNESIA_BASE": str(self.folder),
            "LOG_BASE": str(self.folder),
            "ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "CONFIG_FILE": str(self.folder / "node"),
            "CONF_ENV_FILE": "/dev/null",
        }
        erlang = {"HOME": str(self.folder), "ERL_EPMD_PORT": str(self.mapper), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        return {"PATH": os.environ["PATH"], **erlang, **{f"RABBITMQ_{name}": value for name, value in node.items()}}

    def start(self) -> None:
        """With what it kept, unless that was flushed."""
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            cookie = self.folder / ".erlang.cookie"
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)
        self._mapping = self._mapping or self._run("epmd")  # else the node would start one that outlives it
        self._process = self._run(PROGRAM)
        wait_until(self._answers, START_SECONDS)

    def _run(self, program: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [program], env=self.environment, cwd=self.folder.parent, process_group=0,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _answers(self) -> bool:
        """Greets whoever speaks AMQP 0-9-1; it listens before it is ready for that."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
        return False

    def kill(self) -> None:
        """At once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """What a killed one kept is gone."""
        shutil.rmtree(self.folder)

    def close(self) -> None:
        self.kill()
        if self._mapping is not None:
            self._mapping.kill()
            self._mapping.wait()


@contextmanager
def rabbitmq_server(folder: Path) -> Iterator[RabbitMQ]:
    """One that runs."""
    server = RabbitMQ(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()
