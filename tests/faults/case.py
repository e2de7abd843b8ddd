"""One installation for each case: a database of its own, processes that die in it, and the checker's word about it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from pki.envelope import Keyring, new_key
from tests.faults.checker import Database, Finding, check

ROOT = Path(__file__).parent.parent.parent
KILLED = -signal.SIGKILL


class Files:
    """SQLite: each case has a file, copied from one that was kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self) -> str:
        """An empty database: what Django calls it."""
        return str(self.directory / f"{uuid.uuid4().hex}.sqlite3")

    def keep(self, database: str) -> str:
        """Remember what is in it: a word for :meth:`restored`."""
        return shutil.copyfile(database, self.create())

    def restored(self, kept: str) -> str:
        """A database with what was remembered in it."""
        return self.keep(kept)

    def end(self, database: str) -> None:
        """It is not needed any more."""
        for path in self.directory.glob(f"{Path(database).name}*"):
            path.unlink()

    def address(self, database: str) -> str:
        """For the checker."""
        return database

    def close(self) -> None:
        """The files go with their directory."""


class Schemas:
    """PostgreSQL: one database for one case after the other; what was kept lies in a schema beside the tables.

    A new database for each case would take ten times as long.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.name = f"faults_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{self.name}"', at=server)

    def create(self) -> str:
        return self.name

    def keep(self, database: str) -> str:
        kept = f"kept_{uuid.uuid4().hex}"
        copies = [f"CREATE TABLE {kept}.{table} AS TABLE public.{table}" for table in self._tables()]
        self._execute(f"CREATE SCHEMA {kept}", *copies, at=self.address(database))
        return kept

    def restored(self, kept: str) -> str:
        tables = self._tables()
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "SET session_replication_role = replica",
            *[f"DELETE FROM public.{table}" for table in tables],
            *[f"INSERT INTO public.{table} SELECT * FROM {kept}.{table}" for table in tables],
            at=self.address(self.name),
        )
        return self.name

    def end(self, database: str) -> None:
        """The next case will find nothing of it."""

    def address(self, database: str) -> str:
        return urlsplit(self.server)._replace(path=f"/{database}").geturl()

    def close(self) -> None:
        self._execute(f'DROP DATABASE "{self.name}" WITH (FORCE)', at=self.server)

    def _tables(self) -> list[str]:
        database = Database(self.address(self.name))
        tables = database.tables()
        database.close()
        return tables

    def _execute(self, *statements: str, at: str) -> None:
        connection = psycopg2.connect(at)
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it answered if it lived to do so."""

    code: int
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def killed(self) -> bool:
        return self.code == KILLED

    @property
    def status(self) -> int:
        return int(self.result["status"])


def rehearsals(tokens: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """What most cases do: orders, a new authority, sweeps."""
    order = {"owner": "alice@example.org", "commonName": "rehearsed.example.org", "authority": {"name": "Root"}}
    authority = {"owner": "pki@example.org", "commonName": "Rehearsed CA", "name": "Rehearsed"}
    return [
        ("post", {"address": "/api/1/certificates", "body": order, "token": tokens["alice"], "key": "rehearsed"}),
        ("post", {"address": "/api/1/authorities", "body": authority, "token": tokens["root"]}),
        ("sweep", {}),
        ("sweep revoked", {}),
    ]


class Worker:
    """The worker process, and the prepared database with the tokens in it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lemur-faults-"))
        self.keys = new_key()
        server = os.environ.get("DATABASE_URL")
        self.engine: Files | Schemas = Schemas(server) if server else Files(self.directory)
        self._errors = (self.directory / "errors").open("wb")
        environment = {**os.environ, "LEMUR_HOME": str(self.directory), "ENCRYPTION_KEYS": self.keys}
        environment["DESTINATION_DIRECTORIES"] = str(self.directory)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            env={**environment, "DJANGO_SETTINGS_MODULE": "tests.settings", "FAILPOINTS": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._read() == "ready"
        database = self.engine.create()
        prepared = self.wait(self.start({"deed": "prepare", "database": database}))
        assert prepared.code == 0, self.errors()
        self.tokens: dict[str, str] = prepared.result
        self.prepared = self.engine.keep(database)
        for deed, arguments in rehearsals(self.tokens):
            self._ask({"rehearse": self._job({"deed": deed, "database": database, "arguments": arguments})})

    def start(self, job: dict[str, Any]) -> tuple[int, Path]:
        """A new process that does this."""
        job = self._job(job)
        return int(self._ask(job)), Path(job["result"])

    def wait(self, running: tuple[int, Path]) -> Outcome:
        pid, result = running
        code = int(self._ask({"wait": pid}))
        return Outcome(code, json.loads(result.read_text()) if result.exists() else {})

    def _job(self, job: dict[str, Any]) -> dict[str, Any]:
        return {**job, "result": str(self.directory / f"{uuid.uuid4().hex}.json")}

    def errors(self) -> str:
        """What the processes logged, the end of it."""
        return (self.directory / "errors").read_text()[-4000:]

    def close(self) -> None:
        self._process.communicate()
        self.engine.close()
        self._errors.close()
        shutil.rmtree(self.directory)

    def _ask(self, command: dict[str, Any]) -> str:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, self.errors()
        return line


class Case:
    """A fresh copy of the prepared installation, or of what another case has kept."""

    def __init__(self, worker: Worker, kept: str = "") -> None:
        self.worker = worker
        self.database = worker.engine.restored(kept or worker.prepared)

    def start(
        self, deed: str, *, failpoints: str = "", ahead: float = 0, short_of: str = "", **arguments: Any
    ) -> tuple[int, Path]:
        """A process that does this deed, with these failpoints armed and its clock so many seconds ahead.

        ``short_of``: one of the worker's LIMITS.
        """
        job = {"deed": deed, "failpoints": failpoints, "ahead": ahead, "short_of": short_of, "arguments": arguments}
        return self.worker.start({**job, "database": self.database})

    def run(self, deed: str, **options: Any) -> Outcome:
        """The same, to its end."""
        return self.worker.wait(self.start(deed, **options))

    def findings(self, *, settled: bool = True) -> list[Finding]:
        """What the checker says."""
        database = self.open()
        found = check(database, Keyring.parse(self.worker.keys), settled=settled)
        database.close()
        return found

    def everything(self) -> dict[str, list[str]]:
        """All that is in the database."""
        database = self.open()
        found = database.everything()
        database.close()
        return found

    def open(self) -> Database:
        return Database(self.worker.engine.address(self.database))

    def keep(self) -> str:
        """Remember what is in the database, for other cases."""
        return self.worker.engine.keep(self.database)

    def close(self) -> None:
        self.worker.engine.end(self.database)
