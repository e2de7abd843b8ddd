"""One installation of the product, run as a person runs it: `manage.py` in a clean environment with LEMUR_HOME."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.once import once

ROOT = Path(__file__).parent.parent.parent
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")  # nothing of the tests' own settings may reach the product


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 60.0, *, every: float = 0.05) -> None:
    """``every``: the pause between two looks, which should cost less than what is waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(every)


class Installation:
    """A state directory and a port; `up` starts the product there, any other command is run to its end."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment = {**kept, "LEMUR_HOME": str(home), "PORT": str(self.port), **environment}

    @classmethod
    def prepared(cls, home: Path, *, demo: bool = False, **environment: str) -> Installation:
        """One whose first start is over: a copy of what that makes. What a first start does is test_up's to look at.

        Certificates of the demo bear the address they were made at, where a copy does not answer.
        """
        shutil.copytree(_prepared(demo), home)
        return cls(home, LEMUR_DEMO=str(int(demo)), **environment)

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> Running:
        return Running(self, arguments or ("up",))

    @contextmanager
    def running(self) -> Iterator[Running]:
        """`manage.py up` there, ready; gone afterwards, whatever a test did."""
        running = self.start()
        try:
            yield running.wait_until_ready()
        finally:
            running.end()

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


class Running:
    """A command that stays: its output so far, its processes, its end."""

    def __init__(self, installation: Installation, arguments: tuple[str, ...]) -> None:
        self.installation = installation
        self._output = installation.home.parent / f"{installation.home.name}.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", *arguments],
                env=installation.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.family = [psutil.Process(self.process.pid)]

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_until_ready(self) -> Running:
        wait_until(lambda: "ready at" in self.output or self.process.poll() is not None, 180)
        assert self.process.poll() is None, self.output
        self.meet_family()
        return self

    def meet_family(self) -> None:
        """Remember the processes that belong to it now."""
        self.family = [self.family[0], *{*self.family[1:], *self.family[0].children(recursive=True)}]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop, and wait until it did."""
        self.meet_family()
        self.process.send_signal(number)
        self.process.wait(30)

    def left(self) -> list[psutil.Process]:
        """The processes that were part of it and still run."""
        return [process for process in self.family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> None:
        """For fixtures: gone, whatever a test did."""
        if self.process.poll() is None:
            self.stop()
        for process in self.left():
            process.kill()


def _prepared(demo: bool) -> Path:
    """Made once in a run."""
    return once(f"prepared-{int(demo)}", lambda home: _first_start(home, demo=demo))


def _first_start(home: Path, *, demo: bool) -> None:
    done = Installation(home, LEMUR_DEMO=str(int(demo))).manage("up", "--check")
    assert done.returncode == 0, done.stderr
