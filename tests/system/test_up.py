"""`manage.py up` for real: what the first start makes, how it stops, and what it says when it cannot run."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pki.envelope import new_key
from tests.system.installation import ROOT, Installation, Running, wait_until

Start = Callable[[Installation], Running]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Shared by the tests that leave it as it is; not started, without the demo."""
    return Installation.prepared(tmp_path_factory.mktemp("up") / "home")


@pytest.fixture
def damaged(installation: Installation, tmp_path: Path) -> Installation:
    """A copy for a test to break."""
    return Installation(shutil.copytree(installation.home, tmp_path / "home"), LEMUR_DEMO="0")


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Running] = []

    def begin(place: Installation) -> Running:
        started.append(place.start())
        return started[-1].wait_until_ready()

    yield begin
    for running in started:
        running.end()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The first start of a new installation, for tests that only look."""
    place = Installation(tmp_path_factory.mktemp("first") / "home", LEMUR_DEMO="0")
    with place.running() as running:
        yield running


@pytest.fixture(scope="module")
def served(first: Running) -> Installation:
    return first.installation


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused start prints."""
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def log_in(place: Installation, password: str) -> str:
    body = json.dumps({"username": "admin", "password": password}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.port}/api/1/auth/login", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)["token"]


def test_the_first_start_makes_everything_and_serves(first: Running) -> None:
    place = first.installation
    assert place.get("/readyz")[0] == 200
    password = (place.home / "admin-password").read_text().strip()
    assert log_in(place, password)
    assert password not in first.output
    assert str(place.home / "admin-password") in first.output
    assert f"http://127.0.0.1:{place.port}" in first.output


def test_what_it_makes_is_private(served: Installation) -> None:
    assert stat.S_IMODE(served.home.stat().st_mode) == 0o700
    files = [path for path in served.home.iterdir() if path.is_file()]
    assert {"secret-key", "encryption-keys", "admin-password", "lemur.sqlite3"} <= {path.name for path in files}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_a_terminal_is_shown_the_password_once(tmp_path: Path) -> None:
    place = Installation(tmp_path / "home", LEMUR_DEMO="0")
    first, second = (read_terminal(place, "up", "--check") for _ in range(2))
    password = (place.home / "admin-password").read_text().strip()
    assert first.count(password) == 1
    assert password not in second


def read_terminal(place: Installation, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, ROOT / "manage.py", *arguments]
    with subprocess.Popen(command, env=place.environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # how Linux reports that the other end was closed
            pass
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


def test_a_second_start_keeps_secrets_password_and_static_files(installation: Installation) -> None:
    names = ("secret-key", "encryption-keys", "admin-password", "static/.collected", "static/staticfiles.json")
    before = [(installation.home / name).stat().st_mtime_ns for name in names]
    assert installation.manage("up", "--check").returncode == 0
    assert [(installation.home / name).stat().st_mtime_ns for name in names] == before


def test_pages_and_their_static_files_are_served(served: Installation) -> None:
    sheets = style_sheets(served)
    assert all(re.search(r"\.[0-9a-f]{12}\.css$", sheet) for sheet in sheets)
    assert {served.get(sheet)[0] for sheet in sheets} == {200}


def style_sheets(place: Installation) -> list[str]:
    status, page = place.get("/login")
    assert status == 200
    sheets = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert sheets
    return sheets


def test_ctrl_c_in_a_terminal_reaches_the_whole_foreground_group(installation: Installation, start: Start) -> None:
    running = start(installation)
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(30) == 0
    assert running.left() == []


def test_when_a_part_dies_everything_stops_and_it_is_named(installation: Installation, start: Start) -> None:
    running = start(installation)
    parts = psutil.Process(running.process.pid).children()
    words = ("gunicorn", "worker", "beat")
    found = {word: one for one in parts for word in words if word in one.cmdline()}
    assert set(found) == set(words)
    found["beat"].kill()
    assert running.process.wait(60) == 1
    assert "The timetable stopped unexpectedly by SIGKILL" in running.output
    assert running.left() == []


def test_nothing_survives_a_killed_supervisor_and_the_next_one_stops(installation: Installation, start: Start) -> None:
    killed = start(installation)
    killed.process.kill()
    wait_until(lambda: killed.left() == [], 60)
    running = start(installation)
    running.stop(signal.SIGTERM)
    assert len(running.family) >= 5  # the supervisor, gunicorn and its two workers, Celery
    assert running.process.returncode == 0
    assert running.left() == []
    assert not installation.is_up()


def test_two_on_one_directory_are_refused(served: Installation) -> None:
    other = Installation(served.home, LEMUR_DEMO="0")
    assert "already running" in sentence(other.manage("up"))


def test_a_taken_port_leaves_no_database(tmp_path: Path) -> None:
    place = Installation(tmp_path / "home")
    with socket.create_server(("127.0.0.1", place.port)):
        assert f"Port {place.port} on 127.0.0.1 is taken" in sentence(place.manage("up"))
    assert not (place.home / "lemur.sqlite3").exists()
    assert not (place.home / "admin-password").exists()


def test_a_directory_that_cannot_be_written_is_named() -> None:
    place = Installation(Path("/proc/lemur"))
    assert "/proc/lemur cannot be written" in sentence(place.manage("up"))


def test_a_missing_encryption_key_is_named_and_not_replaced(damaged: Installation) -> None:
    (damaged.home / "encryption-keys").unlink()
    assert "encryption-keys is missing" in sentence(damaged.manage("up"))
    assert not (damaged.home / "encryption-keys").exists()


def test_the_demo_is_loaded_once_and_a_wrong_encryption_key_is_named(tmp_path: Path) -> None:
    place = Installation(tmp_path / "home")
    done = place.manage("up", "--check")
    assert done.returncode == 0, done.stderr
    assert "Loading the demo" in done.stdout
    assert "Loading the demo" not in place.manage("up", "--check").stdout
    keys = place.home / "encryption-keys"
    keys.write_text(new_key())
    assert "ENCRYPTION_KEYS does not open" in sentence(place.manage("up"))


def test_every_other_command_finds_the_installation(installation: Installation) -> None:
    assert installation.manage("migrate", "--check").returncode == 0
    count = "from accounts.models import User; print(User.objects.filter(username='admin').count())"
    assert installation.manage("shell", "--no-imports", "-c", count).stdout == "1\n"


def test_a_database_that_cannot_be_used_is_named(damaged: Installation) -> None:
    (damaged.home / "lemur.sqlite3").write_bytes(b"no database" * 1000)
    assert "The database cannot be used" in sentence(damaged.manage("up"))
