"""The product's programs: each as deploy/ starts it, and started again whenever it is dead, as systemd does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.system.installation import ROOT, Installation
from tests.system.parts import command

RESTART_SECONDS = 0.5
STOP_SECONDS = 20.0


@dataclass
class Program:
    """One of them: its name, what ``python -m`` is given, and its process while it lives."""

    name: str
    arguments: Sequence[str]
    pid: int = 0
    starts: int = 0

    @property
    def lives(self) -> bool:
        return self.pid > 0 and _lives(self.pid)

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children()
        except psutil.Error:
            return []


class Programs:
    """All of them, and the thread that keeps them running."""

    def __init__(self, place: Installation, *, log: Path) -> None:
        self.place, self.log, self.all = place, log, _programs(place.home)
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"], cwd=ROOT, env=place.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(log / "zygote.log").open("ab"), text=True,
        )  # fmt: skip
        if self._read() != "ready":
            raise RuntimeError((log / "zygote.log").read_text()[-4000:])

    def start(self) -> None:
        self._keeper.start()

    def named(self, beginning: str) -> list[Program]:
        return [one for one in self.all if one.name.startswith(beginning)]

    def stop(self) -> None:
        """In peace; whoever does not end is killed."""
        self._over.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for one in self.all:
            _signal(one.pid, signal.SIGTERM)
        ends = time.monotonic() + STOP_SECONDS
        while any(one.lives for one in self.all) and time.monotonic() < ends:
            time.sleep(0.1)
        for one in self.all:
            _signal(one.pid, signal.SIGKILL, group=True)
        self._zygote.communicate()

    def _keep(self) -> None:
        while not self._over.wait(RESTART_SECONDS):
            for one in self.all:
                if not one.lives and not self._over.is_set():
                    _signal(one.pid, signal.SIGKILL, group=True)  # children that outlived it, as systemd would
                    one.pid, one.starts = self._fork(one), one.starts + 1

    def _fork(self, program: Program) -> int:
        job = {"program": list(program.arguments), "log": str(self.log / f"{program.name}.log")}
        assert self._zygote.stdin
        self._zygote.stdin.write(json.dumps(job) + "\n")
        self._zygote.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._zygote.stdout
        return self._zygote.stdout.readline().strip()


def _programs(home: Path) -> list[Program]:
    """A web server, two timetables, and three workers: two with threads, as the units have them, one with children."""
    web, beat, worker = (_module(f"lemur-{name}.service", home) for name in ("web", "beat", "worker"))
    children = [{"threads": "prefork", "4": "2"}.get(word, word) for word in worker]
    return [
        Program("web", web),
        Program("beat-1", beat),
        Program("beat-2", [f"{word}-2" if word == str(home / "beat") else word for word in beat]),
        Program("worker-1", [*worker, "-n", "one@%h"]),
        Program("worker-2", [*worker, "-n", "two@%h"]),
        Program("worker-3", [*children, "-n", "three@%h"]),
    ]


def _module(unit: str, home: Path) -> list[str]:
    _python, dash_m, *rest = command(unit, home)
    assert dash_m == "-m"
    return rest


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(pid: int, number: signal.Signals, *, group: bool = False) -> None:
    if pid > 0:
        with suppress(ProcessLookupError, PermissionError):
            (os.killpg if group else os.kill)(pid, number)
