"""Keeps a few programs running together: all start, all stop, and nothing is left behind.

It imports the standard library alone: `manage.py up` replaces itself by this file run as a script, so that what stays
is small and ends at once.
"""

from __future__ import annotations

import ctypes
import errno
import http
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE = 4.0  # seconds a program may take to stop by itself
TICK = 0.1
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class SupervisorError(Exception):
    """A program cannot be started or kept running; the message is one sentence for a person."""


@dataclass(frozen=True)
class Program:
    """One program to keep running: what people call it, and how it is started."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What to run in which directory, which address answers for all of it, and what to say when it does."""

    programs: Sequence[Program]
    directory: str
    host: str
    port: int
    path: str
    host_header: str
    announcement: str


def become_supervisor(plan: Plan) -> NoReturn:
    """Replace this process by a supervisor that carries the plan out; its exit status says whether that went well."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-I", __file__, json.dumps(asdict(plan))])  # noqa: S606 - ourselves


def main(text: str) -> None:
    """Carry out a plan given as JSON."""
    given = json.loads(text)
    plan = Plan(**{**given, "programs": [Program(**program) for program in given["programs"]]})
    try:
        Supervisor(plan.programs, directory=Path(plan.directory)).run(
            ready=lambda: is_ready(plan.host, plan.port, plan.path, host_header=plan.host_header),
            on_ready=lambda: _say(plan.announcement),
        )
    except SupervisorError as error:
        sys.exit(str(error))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def stop_signals() -> list[signal.Signals]:
    """What asks for an end: Ctrl-C, a service manager, a closed terminal (unless started with nohup)."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


def check_port(host: str, port: int) -> None:
    """Raises SupervisorError unless a server could listen there now."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(1)
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise SupervisorError(f"Port {port} on {host} {reason}: set PORT to another one.") from error


def is_ready(host: str, port: int, path: str, *, host_header: str) -> bool:
    """Whether the server there answers 200 for that path."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": host_header})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Supervisor:
    """Runs programs, each in a process group of its own, until a signal comes or one of them stops by itself."""

    def __init__(self, programs: Sequence[Program], *, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._signals = 0

    def run(self, *, ready: Callable[[], bool], on_ready: Callable[[], None], patience: float = 60.0) -> None:
        """Start everything, call `on_ready` once `ready` says so, and return after a stop signal.

        Raises SupervisorError if a program stops by itself or `ready` stays false for `patience` seconds. However it
        ends, every process of every group is gone, within about `GRACE` seconds.
        """
        before = {number: signal.signal(number, self._note_signal) for number in stop_signals()}
        try:
            self._start()
            if self._wait_until(ready, patience):
                on_ready()
                self._wait_for_signal()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self) -> None:
        for program in self._programs:
            try:
                self._running[program.name] = subprocess.Popen(
                    program.command,
                    cwd=self._directory,
                    env={**os.environ, **program.environment},
                    stdin=subprocess.DEVNULL,
                    process_group=0,
                    preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads
                )
            except OSError as error:
                raise SupervisorError(f"The {program.name} cannot be started: {error.strerror}.") from error

    def _wait_until(self, ready: Callable[[], bool], patience: float) -> bool:
        deadline = time.monotonic() + patience
        while not self._signals:
            self._check_all_alive()
            if ready():
                return True
            if time.monotonic() > deadline:
                raise SupervisorError(f"The service was not ready after {patience:.0f} seconds; its log says why.")
            time.sleep(TICK)
        return False

    def _wait_for_signal(self) -> None:
        while not self._signals:
            self._check_all_alive()
            time.sleep(TICK)

    def _check_all_alive(self) -> None:
        for name, process in self._running.items():
            if (status := process.poll()) is not None and not self._signals:
                how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
                raise SupervisorError(f"The {name} stopped unexpectedly {how}; everything else was stopped too.")

    def _stop(self) -> None:
        """Ask every group to stop, then kill what is left: after `GRACE` seconds or at another stop signal."""
        signals = self._signals
        deadline = time.monotonic() + GRACE
        self._send(signal.SIGTERM)
        while self._remaining() and time.monotonic() < deadline and self._signals <= max(signals, 1):
            time.sleep(TICK)
        self._send(signal.SIGKILL)
        for process in self._running.values():
            process.wait()

    def _send(self, number: signal.Signals) -> None:
        for process in self._running.values():
            _signal_group(process.pid, number)

    def _remaining(self) -> bool:
        for process in self._running.values():
            process.poll()
        return any(_signal_group(process.pid, 0) for process in self._running.values())


def _signal_group(group: int, number: int) -> bool:
    """Whether the group still had a process to send it to."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return False
    return True


def _die_with_parent() -> None:
    """Between fork and exec: even `kill -9` of the supervisor must not leave a server running."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
