"""The supervisor with real processes: all start, all stop, in time, and nothing is left."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lemur_site import supervisor
from lemur_site.supervisor import Program, Supervisor, SupervisorError
from tests.endings import ends

pytestmark = pytest.mark.slow

SLEEP = "import time; time.sleep(3600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w'); time.sleep(3600)"
WITH_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def program(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code])


def signal_soon(*numbers: signal.Signals, after: float = 0.3) -> None:
    """Send signals to this very process, as a terminal would, a moment apart."""

    def send() -> None:
        for number in numbers:
            time.sleep(after)
            os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


def children() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if "-c" in process.cmdline()]


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in supervisor.stop_signals()}
    before = set(children())  # a server of other tests
    yield
    assert set(children()) <= before
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def run(tmp_path: Path, *programs: Program, patience: float = 10.0) -> float:
    """How long the stopping took; a signal is sent as soon as everything is ready."""
    begun = []

    def on_ready() -> None:
        begun.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    ready = (tmp_path / "ready").exists if any(STUBBORN in p.command for p in programs) else lambda: True
    Supervisor(programs, directory=tmp_path).run(ready=ready, on_ready=on_ready, patience=patience)
    return time.monotonic() - begun[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # under nohup, SIGHUP is ignored
    Supervisor([program("a", SLEEP), program("b", SLEEP)], directory=tmp_path).run(
        ready=lambda: True, on_ready=lambda: os.kill(os.getpid(), number)
    )
    assert signal.signal(number, before) is signal.SIG_DFL


def test_a_hangup_does_not_end_what_nohup_started(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal_soon(signal.SIGHUP, signal.SIGTERM, after=0.3)
    started = time.monotonic()
    Supervisor([program("a", SLEEP)], directory=tmp_path).run(ready=lambda: True, on_ready=lambda: None)
    assert time.monotonic() - started > 0.5
    signal.signal(signal.SIGHUP, before)


def test_the_children_of_a_program_stop_too(tmp_path: Path) -> None:
    with ends():
        run(tmp_path, program("parent", WITH_CHILD))


def test_what_does_not_stop_is_killed_in_time_for_five_seconds(tmp_path: Path) -> None:
    with ends():
        took = run(tmp_path, program("stubborn", STUBBORN), program("meek", SLEEP))
    assert 4 == supervisor.GRACE <= took


def test_a_second_signal_kills_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 3600.0)
    signal_soon(signal.SIGINT, signal.SIGINT, after=0.5)
    with ends():
        Supervisor([program("stubborn", STUBBORN)], directory=tmp_path).run(ready=lambda: True, on_ready=lambda: None)


def test_a_program_that_stops_takes_the_others_along_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(SupervisorError, match="The worker stopped unexpectedly with exit status 3"):
        Supervisor([program("web server", SLEEP), program("worker", "raise SystemExit(3)")], directory=tmp_path).run(
            ready=lambda: False, on_ready=pytest.fail
        )


def test_a_killed_program_is_named_with_its_signal(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(SupervisorError, match="The worker stopped unexpectedly by SIGKILL"):
        Supervisor([program("worker", code)], directory=tmp_path).run(ready=lambda: False, on_ready=pytest.fail)


def test_patience_ends(tmp_path: Path) -> None:
    with pytest.raises(SupervisorError, match="not ready after 1 seconds"):
        Supervisor([program("a", SLEEP)], directory=tmp_path).run(
            ready=lambda: False, on_ready=pytest.fail, patience=1.0
        )


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    missing = Program("worker", [str(tmp_path / "nothing")])
    with pytest.raises(SupervisorError, match="The worker cannot be started: No such file"):
        Supervisor([program("a", SLEEP), missing], directory=tmp_path).run(ready=lambda: True, on_ready=pytest.fail)


def test_programs_get_their_environment_and_directory(tmp_path: Path) -> None:
    code = "import os, time; open('seen', 'w').write(os.environ['WORD']); time.sleep(60)"
    given = Program("a", [sys.executable, "-c", code], {"WORD": "lemur"})
    seen = tmp_path / "seen"
    Supervisor([given], directory=tmp_path).run(
        ready=lambda: seen.exists() and seen.read_text() == "lemur",
        on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    assert seen.read_text() == "lemur"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_nothing_survives_even_a_killed_supervisor(tmp_path: Path) -> None:
    inner = f"import os; open('pid', 'w').write(str(os.getpid())); {SLEEP}"
    code = (
        "import sys; from pathlib import Path; from lemur_site.supervisor import Program, Supervisor\n"
        f"inner = Program('inner', [sys.executable, '-c', {inner!r}])\n"
        f"Supervisor([inner], directory=Path({str(tmp_path)!r})).run(ready=lambda: True, on_ready=lambda: None)\n"
    )
    outer = subprocess.Popen([sys.executable, "-c", code])
    pid = tmp_path / "pid"
    wait_until(lambda: pid.exists() and pid.read_text() != "")
    outer.kill()
    outer.wait()
    wait_until(lambda: not psutil.pid_exists(int(pid.read_text())))


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_free_port_is_free_and_a_taken_one_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SupervisorError, match=rf"Port {port} on 127.0.0.1 is taken: set PORT"):
            supervisor.check_port("127.0.0.1", port)
    supervisor.check_port("127.0.0.1", port)


def test_an_address_of_another_machine_cannot_be_used() -> None:
    with pytest.raises(SupervisorError, match="cannot be used"):
        supervisor.check_port("192.0.2.1", 8000)


def test_readiness_is_a_200_and_nothing_else() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.path == "/readyz" and self.headers["Host"] == "lemur.example"
            self.send_response(200 if good else 503)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        assert supervisor.is_ready("127.0.0.1", port, "/readyz", host_header="lemur.example")
        assert not supervisor.is_ready("127.0.0.1", port, "/readyz", host_header="evil.example")
        assert not supervisor.is_ready("127.0.0.1", port, "/other", host_header="lemur.example")
        server.shutdown()
    assert not supervisor.is_ready("127.0.0.1", port, "/readyz", host_header="lemur.example")
