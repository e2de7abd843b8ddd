"""The product as it runs in production: a PostgreSQL whose commits are durable, gunicorn with two workers, and Redis."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2

from pki.envelope import new_key
from tests.postgres import Server
from tests.servers.redis import Redis
from tests.servers.running import free_port

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60
WORKERS = 2
SETTINGS = (
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "maintenance_work_mem=256MB",
    "shared_preload_libraries=pg_stat_statements",
)
# Without its own, and without the look-ups by which the server checks foreign keys at the end of a transaction.
STATEMENTS = """
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
    WHERE query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE 'SELECT 1 FROM ONLY %'
"""


class Servers:
    """The database from :meth:`start` on, the web server from :meth:`serve` on, both until :meth:`stop`.

    ``start`` also sets the environment of this process, so that Django may be set up in it afterwards.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="lemur-bench-"))
        self._database = Server()
        self._database_runs = False
        self._web: subprocess.Popen[bytes] | None = None
        self._embedded = False
        self._queue: Redis | None = None

    def start(self, *, sweeps: bool = False, embedded: bool = False) -> None:
        """With Redis for ``sweeps``. Raises pytest.UsageError where PostgreSQL is missing or does not start.

        ``embedded``: the product has SQLite and a queue in a folder, and PostgreSQL only tells what the machine can do.
        """
        url = self._database.start(*SETTINGS)
        self._database_runs, self._embedded = True, embedded
        if sweeps:
            self._start_queue()
        if embedded:
            (self.home / "queue" / "control").mkdir(parents=True)
            os.environ.pop("DATABASE_URL", None)
        else:
            os.environ["DATABASE_URL"] = url
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "lemur_site.settings",
            "LEMUR_HOME": str(self.home),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ENCRYPTION_KEYS": new_key(),
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(WORKERS),
        }

    def _start_queue(self) -> None:
        """And what the work of the workers needs: a network of their own, a place to deliver to, no brake."""
        self._queue = Redis(self.home)
        self._queue.start()
        os.environ |= {
            "CELERY_BROKER_URL": self._queue.url,
            "OUTBOUND_ALLOW": "127.0.0.0/8",
            "DESTINATION_DIRECTORIES": str(self.home),
            "LEMUR_SECURITY_TEAM_EMAIL": "security@example.org",
            "LEMUR_ESCALATION_DAYS": "3",
            "LEMUR_WEEKLY_DIGEST": "true",
            "RENEWALS_AT_LEAST_PER_HOUR": "1000000",
        }

    @property
    def dsn(self) -> str:
        """For psycopg2."""
        return f"host={self._database.directory} user=postgres dbname=postgres"

    def serve(self) -> None:
        """Start gunicorn as the Procfile does, and wait until it is ready."""
        command = [sys.executable, "-m", "gunicorn", "-c", "python:lemur_site.gunicorn_conf", "lemur_site.wsgi"]
        with (self.home / "web.log").open("wb") as log:
            self._web = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._web.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The web server did not start: {(self.home / 'web.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def rss_mb(self) -> float:
        """Resident memory of the web server's processes together."""
        return round(sum(process.memory_info().rss for process in self._web_processes()) / 2**20, 1)

    def cpu_seconds(self) -> float:
        """Processor time that web server and database have used so far."""
        database = psutil.Process(self._database.pid)
        processes = [*self._web_processes(), database, *database.children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    def _web_processes(self) -> list[psutil.Process]:
        if self._web is None:
            return []
        master = psutil.Process(self._web.pid)
        return [master, *master.children(recursive=True)]

    @contextmanager
    def counting(self) -> Iterator[Callable[[Callable[[], object]], int] | None]:
        """A function that runs something and returns how many statements the server executed meanwhile.

        All of them: BEGIN, COMMIT and the health check of the connection count, too. None where the product does not
        use this server.
        """
        if self._embedded:
            yield None
            return
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

        def count(act: Callable[[], object]) -> int:
            cursor.execute("SELECT pg_stat_statements_reset()")
            act()
            cursor.execute(STATEMENTS)
            return int(cursor.fetchone()[0])

        try:
            yield count
        finally:
            connection.close()

    def stop(self) -> None:
        """Nothing is left, neither processes nor files."""
        if self._web is not None:
            self._web.terminate()
            self._web.wait(15)
        if self._queue is not None:
            self._queue.kill()
        if self._database_runs:
            self._database.stop()
        shutil.rmtree(self.home)
