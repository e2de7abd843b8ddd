"""Old and new workers side by side: a real worker gets messages of another version, and a database that is not its own.

What it cannot do it leaves out, with one line in its log; the row is the truth, and the sweep has its work done, once.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from lemur_site.preparing import LOCK
from tests.postgres import Server
from tests.system.installation import ROOT, Installation, wait_until
from tests.system.parts import SHARED

WORKER = [sys.executable, "-m", "celery", "--quiet", "-A", "lemur_site", "worker", "-P", "threads", "-c", "2"]
SETUP = """
from accounts.service import system_user; from certificates.models import Certificate; from stores import service
from stores.models import Destination; from tests.factories import a_certificate, an_authority
by = system_user()
place = service.create(Destination, label="web", plugin="directory-destination", options={"path": %r}, by=by)
a_certificate(by, an_authority(by), cn="www.example.org", destinations=[place])
"""
SEND = """
import json; from lemur_site.celery import app
for name, args, kwargs in json.loads(%r):
    app.send_task(name, args, kwargs, retry=False)
"""
NEWER: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("certificates.told_by_a_newer_one", [1], {}),
    ("certificates.deploy", [], {}),
    ("certificates.deploy", [1, "in a hurry"], {}),
    ("certificates.deploy", [1], {"hurry": True}),
    ("certificates.deploy", ["www.example.org"], {}),
    ("certificates.deploy", [{"id": 1}], {}),
    ("certificates.deploy", [None], {}),
    ("certificates.deploy", [10**30], {}),
]
UNREADABLE = {
    "properties": {"delivery_tag": "1", "delivery_info": {}, "body_encoding": "base64"},
    "headers": {"task": "certificates.deploy", "id": "1"},
    "content-encoding": "utf-8",
}
TORN = [
    "",
    '{"body": "W1sx',
    "[1]",
    '{"properties": {}}',
    '{"properties": {"delivery_tag": 1, "delivery_info": {}}}',
    json.dumps({**UNREADABLE, "content-type": "application/json", "body": "bm8ganNvbg=="}),
]
PICKLED = json.dumps({**UNREADABLE, "content-type": "application/x-python-serialize", "body": "gASVAA=="})


@dataclass
class Shop:
    """An installation of whose parts only a worker runs; the timetable is worked by hand."""

    place: Installation
    files: Path
    log: Path

    def manage(self, *arguments: str) -> None:
        done = self.place.manage(*arguments, PYTHONPATH=str(ROOT))
        assert done.returncode == 0, done.stderr

    def send(self, *messages: tuple[str, list[Any], dict[str, Any]]) -> None:
        self.manage("shell", "--no-imports", "-c", SEND % json.dumps(messages))

    def sweep(self) -> None:
        self.manage("sweep", "certificates.sweep_deployments")

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("wb") as log:
            worker = subprocess.Popen(
                [*WORKER, "--loglevel", "WARNING"],
                cwd=ROOT, env=self.place.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait(30)

    def said(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of the worker's log."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["level"] != "info" and event in line["event"]]

    def waiting(self) -> list[Path]:
        return list((self.place.home / "queue").glob("*.msg"))

    def delivered(self) -> int:
        """How often, as the audit log has it."""
        return int(self.sql("SELECT count(*) FROM core_auditentry WHERE event = 'certificate.deployed'")[0][0])

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.place.home / "lemur.sqlite3", timeout=20)) as database, database:
            return database.execute(statement).fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """There is a delivery that nobody has begun, and no message about it."""
    files = tmp_path / "files"
    files.mkdir()
    place = Installation.prepared(tmp_path / "home", C_FORCE_ROOT="1", DESTINATION_DIRECTORIES=str(files))
    made = Shop(place, files, tmp_path / "log")
    made.manage("shell", "--no-imports", "-c", SETUP % str(files))
    for message in made.waiting():
        message.unlink()
    return made


def test_messages_of_another_version_are_left_out_and_the_work_is_done_once(shop: Shop) -> None:
    shop.send(*NEWER)
    for number, text in enumerate([*TORN, PICKLED]):
        (shop.place.home / "queue" / f"{number}_torn.certificates.msg").write_text(text)
    with shop.worker() as worker:
        wait_until(lambda: not shop.waiting())
        wait_until(lambda: len(shop.said("queue.")) >= len(TORN) + 8)
        assert shop.delivered() == 0
        shop.sweep()
        wait_until(lambda: shop.delivered() == 1)
        assert worker.poll() is None
    lines = shop.said()
    assert len(shop.said("queue.unreadable_message")) == len(TORN)
    assert [line["task"] for line in shop.said("queue.unknown_task")] == ["certificates.told_by_a_newer_one"]
    assert len(shop.said("queue.unfitting_message")) == 7
    assert len(lines) == len(TORN) + 8, "one line for each, and no other"
    assert not [line for line in lines if "exception" in line or "Traceback" in str(line)]
    assert (shop.files / "www.example.org" / "www.example.org.pem").exists()
    assert (shop.delivered(), shop.waiting()) == (1, [])


def test_a_database_that_is_not_the_workers_own_stops_the_work_and_loses_nothing(shop: Shop) -> None:
    """A migration that this worker does not know has taken a column, as one that did not run has not made it."""
    with shop.worker() as worker:
        shop.sql("ALTER TABLE certificates_deployment RENAME COLUMN deployed_at TO delivered_at")
        [[row]] = shop.sql("SELECT id FROM certificates_deployment")
        shop.send(("certificates.deploy", [row], {}))
        wait_until(lambda: bool(shop.said("no such column")))
        assert (worker.poll(), shop.waiting(), len(shop.said())) == (None, [], 1)
        shop.sql("ALTER TABLE certificates_deployment RENAME COLUMN delivered_at TO deployed_at")
        shop.sql("UPDATE certificates_deployment SET not_before = datetime('now')")  # the lease is over
        shop.sweep()
        wait_until(lambda: shop.delivered() == 1)
        assert worker.poll() is None


@pytest.mark.thorough
def test_two_that_prepare_one_database_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """As two machines of a fleet do that get a new version: both are ready, and there is one of everything."""
    database = Server()
    try:
        url = database.start("fsync=off")
        third = psycopg2.connect(url)
        with third.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        places = [Installation(tmp_path / name, DATABASE_URL=url, **SHARED) for name in ("one", "other")]
        both = [place.start("up", "--check") for place in places]
        wait_until(lambda: all("database.prepared_elsewhere" in running.output for running in both))
        third.close()
        assert [running.process.wait(120) for running in both] == [0, 0], [running.output for running in both]
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT (app, name)) FROM django_migrations")
            once, each = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM accounts_user WHERE username = 'admin'")
            assert (once, cursor.fetchone()) == (each, (1,))
        passwords = [place.home / "admin-password" for place in places]
        assert sum(path.exists() for path in passwords) == 1
    finally:
        database.stop()
