"""`manage.py import_lemur` as a person runs it, from a real PostgreSQL into both of our engines; killed, and run again."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography.fernet import Fernet

from tests.lemur import LemurDatabase, lemur_server, options
from tests.pki_material import Pair, material
from tests.system.installation import Installation

MANY = 210  # certificates: two batches
SECRETS = {"SECRET_KEY": "x" * 60, "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with lemur_server() as address:
        yield address


@pytest.fixture(scope="module")
def lemur(server: str) -> LemurDatabase:
    """One authority with what it issued, and a person."""
    made = LemurDatabase(server, "lemur")
    user = made.add("users", username="alice", email="alice@example.org", active=True)
    usual = {"owner": "pki@example.org", "name": "CA", "plugin_name": "cryptography-issuer"}
    authority = made.add("authorities", active=True, user_id=user, **usual)
    made.certificate(material().root, name="CA", root_authority_id=authority, user_id=user)
    for number in range(MANY):
        leaf = _leaf(f"host-{number}.example.com")
        made.certificate(leaf, name=f"host-{number}", authority_id=authority, user_id=user)
    mail = options(interval=30, unit="days", recipients="web@example.org")
    made.add("notifications", label="mail", plugin_name="email-notification", options=mail, active=True)
    return made


def _leaf(name: str) -> Pair:
    return material().leaf_with(names=(name,), issuer=material().root)


@dataclass
class Target:
    """An installation without anything, on one of our engines."""

    place: Installation
    lemur: LemurDatabase

    def move(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"LEMUR_DATABASE_URL": self.lemur.address, "LEMUR_ENCRYPTION_KEYS": self.lemur.key, **environment}
        return self.place.manage("import_lemur", *arguments, **given)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        address = self.place.environment.get("DATABASE_URL")
        connection = psycopg2.connect(address) if address else sqlite3.connect(self.place.home / "lemur.sqlite3")
        try:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())
        finally:
            connection.close()

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture(scope="module")
def migrated(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By engine, an installation without anything: a file, and the name of a database."""
    home = tmp_path_factory.mktemp("empty")
    for where in ({}, {"DATABASE_URL": _create(server, "empty")}):
        done = Installation(home, **SECRETS, **where).manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
    return {"sqlite": str(home / "lemur.sqlite3"), "postgres": "empty"}


def _create(server: str, name: str, template: str = "template1") -> str:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    connection.close()
    return server.replace("/postgres?", f"/{name}?")


Furnish = Callable[[str], Target]


@pytest.fixture
def furnish(migrated: dict[str, str], server: str, lemur: LemurDatabase, tmp_path: Path) -> Furnish:
    """A copy of the empty installation on this engine."""

    def copy(engine: str) -> Target:
        home, where = tmp_path / "home", {}
        home.mkdir(mode=0o700)
        if engine == "postgres":
            where = {"DATABASE_URL": _create(server, f"ours_{uuid.uuid4().hex}", migrated["postgres"])}
        else:
            shutil.copy(migrated["sqlite"], home)
        return Target(Installation(home, **SECRETS, **where), lemur)

    return copy


@pytest.fixture
def target(furnish: Furnish) -> Target:
    return furnish("sqlite")


@pytest.mark.parametrize(("engine", "at", "left"), [("sqlite", "before", 1), ("postgres", "after", 201)])
def test_a_killed_run_is_taken_up(furnish: Furnish, engine: str, at: str, left: int) -> None:
    target = furnish(engine)
    died = target.move(FAILPOINTS=f"moving.certificates.{at}-commit=exit")
    assert died.returncode == -signal.SIGKILL
    assert target.count("certificates_certificate") == left
    done = target.move()
    assert done.returncode == 0, done.stderr
    assert _sound(target) == (MANY + 1, MANY + 1, MANY + 1, MANY, 0)
    again = target.move()
    assert again.returncode == 0, again.stderr
    assert _sound(target) == (MANY + 1, MANY + 1, MANY + 1, MANY, 0)


def _sound(target: Target) -> tuple[int, ...]:
    """Certificates, keys and lines about them, lines of the ledger; and what is there twice or belongs to nothing."""
    imported = "SELECT count(*) FROM core_auditentry WHERE event = 'certificate.imported'"
    orphans = (
        "SELECT count(*) FROM core_storedkey k WHERE NOT EXISTS "
        "(SELECT 1 FROM certificates_certificate c WHERE replace(c.private_key, '-', '') = "
        "'key:' || replace(CAST(k.id AS text), '-', ''))"
    )
    return (
        target.count("certificates_certificate"),
        target.count("core_storedkey"),
        int(target.rows(imported)[0][0]),
        target.count("authorities_issuance"),
        int(target.rows(orphans)[0][0]),
    )


def test_it_says_how_far_it_is_and_what_became_of_it(target: Target, tmp_path: Path) -> None:
    done = target.move("--report", str(tmp_path / "report.json"))
    progress = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert progress[-1] == f"certificate: {MANY} of {MANY}"
    assert f"certificate              {MANY + 1}        {MANY + 1}" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["complete"] is True
    assert report["counts"]["certificate"] == {"there": MANY + 1, "taken": MANY + 1, "before": 0}
    assert report["left_behind"]["api_keys"] == 0


def test_keys_that_were_forgotten_come_with_the_next_run(target: Target) -> None:
    """Until then the authority cannot issue; then it can, and knows what it has issued."""
    first = target.move(LEMUR_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    assert first.returncode == 2
    assert "Its private key stayed behind: none of the encryption keys given opens it." in first.stdout
    assert target.rows("SELECT active, private_key FROM authorities_authority") in ([(0, None)], [(False, None)])
    assert target.count("core_storedkey") == target.count("authorities_issuance") == 0
    second = target.move(LEMUR_ENCRYPTION_KEYS=f"{Fernet.generate_key().decode()}, {target.lemur.key}")
    assert second.returncode == 0, second.stderr
    assert f"{MANY + 1} private keys came over that had stayed behind before." in second.stdout
    assert target.rows("SELECT active FROM authorities_authority") in ([(1,)], [(True,)])
    assert target.count("core_storedkey") == MANY + 1
    assert target.count("authorities_issuance") == MANY
    assert "stayed behind:" not in target.move().stdout


def test_nothing_happens_without_an_address_or_at_a_wrong_one(target: Target, server: str) -> None:
    assert "Set LEMUR_DATABASE_URL" in target.place.manage("import_lemur").stderr
    for address, said in (
        (server, "This is not a database of Lemur's: it has no table 'roles'."),
        ("postgresql+psycopg2://nobody@127.0.0.1:1/lemur", "Lemur's database cannot be read"),
    ):
        done = target.move(LEMUR_DATABASE_URL=address)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    done = target.move(LEMUR_ENCRYPTION_KEYS="not a key")
    assert (done.returncode, "Number 1 of Lemur's encryption keys is no Fernet key." in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_the_database_of_lemur_is_only_read(target: Target) -> None:
    dump = "SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM certificates c"
    before = target.lemur.run(dump)
    assert target.move("--dry-run").returncode == 0
    assert target.count("certificates_certificate") == 0
    assert target.lemur.run(dump) == before
