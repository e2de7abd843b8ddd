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


class Engine:
    """Where databases are made: copies of one that was prepared."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = os.environ.get("DATABASE_URL", "")

    def new(self, name: str, template: str | None = None) -> str:
        """A database, empty or a copy of ``template``, under a name that is free. Returns what Django calls it."""
        if self.server:
            self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
            return name
        path = self.directory / f"{name}.sqlite3"
        if template:
            shutil.copyfile(template, path)
        return str(path)

    def drop(self, name: str) -> None:
        if self.server:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        else:
            for path in Path(name).parent.glob(f"{Path(name).name}*"):
                path.unlink()

    def address(self, name: str) -> str:
        """For the checker."""
        return urlsplit(self.server)._replace(path=f"/{name}").geturl() if self.server else name

    def _execute(self, statement: str) -> None:
        connection = psycopg2.connect(self.server)
        connection.autocommit = True
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


class Worker:
    """The worker process, and the prepared database with the tokens in it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lemur-faults-"))
        self.keys = new_key()
        self.engine = Engine(self.directory)
        self._errors = (self.directory / "errors").open("wb")
        environment = {**os.environ, "LEMUR_HOME": str(self.directory), "ENCRYPTION_KEYS": self.keys}
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
        self.template = self.engine.new(f"faults_{uuid.uuid4().hex}")
        prepared = self.wait(self.start({"deed": "prepare", "database": self.template}))
        assert prepared.code == 0, self.errors()
        self.tokens: dict[str, str] = prepared.result

    def start(self, job: dict[str, Any]) -> tuple[int, Path]:
        """A new process that does this."""
        result = self.directory / f"{uuid.uuid4().hex}.json"
        return int(self._ask({**job, "result": str(result)})), result

    def wait(self, running: tuple[int, Path]) -> Outcome:
        pid, result = running
        code = int(self._ask({"wait": pid}))
        return Outcome(code, json.loads(result.read_text()) if result.exists() else {})

    def errors(self) -> str:
        """What the processes logged, the end of it."""
        return (self.directory / "errors").read_text()[-4000:]

    def close(self) -> None:
        self._process.communicate()
        self.engine.drop(self.template)
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
    """A fresh copy of the prepared installation, or of another case's."""

    def __init__(self, worker: Worker, template: str = "") -> None:
        self.worker = worker
        self.database = worker.engine.new(f"faults_{uuid.uuid4().hex}", template or worker.template)

    def start(self, deed: str, *, failpoints: str = "", ahead: float = 0, **arguments: Any) -> tuple[int, Path]:
        """A process that does this deed, with these failpoints armed and its clock so many seconds ahead."""
        job = {"deed": deed, "failpoints": failpoints, "ahead": ahead, "arguments": arguments}
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

    def close(self) -> None:
        self.worker.engine.drop(self.database)
