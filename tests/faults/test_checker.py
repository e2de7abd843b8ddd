"""The checker is content with an installation that is in order, and finds whatever is broken in one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from pki.envelope import Keyring, new_key
from tests.faults.case import Case, Worker
from tests.faults.checker import KINDS, Database, Row, check

ROOT = Path(__file__).parent.parent.parent
ORDER = {"owner": "alice@example.org", "authority": {"name": "Root"}}
CA = {"name": "New", "owner": "pki@example.org", "commonName": "New CA", "type": "subca", "parent": {"name": "Root"}}
CERTIFICATES, ORDERS, LEDGER = "certificates_certificate", "certificates_order", "authorities_issuance"
AUTHORITIES, KEYS, AUDIT = "authorities_authority", "core_storedkey", "core_auditentry"
RESPONDERS = "authorities_responder"
SPARE = 1_000_000  # an id that nothing has


class Vandal:
    """Changes rows regardless of what refers to them, of triggers and, where asked, of unique keys."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.database, self.keyring = database, keyring
        self.rows = database.rows
        if not database.is_sqlite:
            self._do("SET session_replication_role = replica")
            return
        self._do("PRAGMA foreign_keys = OFF")
        for (name,) in database.connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self._do(f"DROP TRIGGER {name}")

    def _do(self, statement: str, *values: Any) -> None:
        marks = statement if self.database.is_sqlite else statement.replace("?", "%s")
        self.database.connection.cursor().execute(marks, values)
        self.database.connection.commit()

    def update(self, table: str, row: Row, **changes: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in changes)
        self._do(f"UPDATE {table} SET {columns} WHERE id = ?", *changes.values(), row["id"])

    def delete(self, table: str, row: Row) -> None:
        self._do(f"DELETE FROM {table} WHERE id = ?", row["id"])

    def copy(self, table: str, row: Row, **changes: Any) -> None:
        changes = {"id": SPARE, **changes}
        chosen = ", ".join("?" if name in changes else name for name in row)
        values = [changes[name] for name in row if name in changes]
        into = f"INSERT INTO {table} ({', '.join(row)})"
        self._do(f"{into} SELECT {chosen} FROM {table} WHERE id = ?", *values, row["id"])

    def drop_unique_serial(self) -> None:
        self._do("DROP INDEX one_certificate_per_serial")

    def leaves(self) -> list[Row]:
        """The certificates that were ordered."""
        return [row for row in self.rows(CERTIFICATES) if row["authority_id"] is not None]

    def done(self) -> list[Row]:
        return [row for row in self.rows(ORDERS) if row["state"] == "done"]

    def entry(self, certificate: Row) -> Row:
        """The line of the ledger for a certificate."""
        return next(row for row in self.rows(LEDGER) if row["serial"] == certificate["serial"])

    def key(self, holder: Row) -> Row:
        wanted = uuid.UUID(holder["private_key"].removeprefix("key:"))
        return next(row for row in self.rows(KEYS) if uuid.UUID(str(row["id"])) == wanted)

    def audited(self, event: str) -> Row:
        return next(row for row in self.rows(AUDIT) if row["event"] == event)

    def sign_again(self, certificate: Row) -> x509.Certificate:
        """What an authority signs that was asked a second time: another serial number, and all else the same."""
        authority = next(row for row in self.rows(AUTHORITIES) if row["id"] == certificate["authority_id"])
        stored = self.key(authority)
        sealed = self.keyring.unseal(bytes(stored["reference"]), f"private-key:{stored['spki_sha256']}")
        old = x509.load_pem_x509_certificate(certificate["body"].encode())
        builder = x509.CertificateBuilder(
            old.issuer, old.subject, old.public_key(), x509.random_serial_number(),
            old.not_valid_before_utc, old.not_valid_after_utc,
        )  # fmt: skip
        return builder.sign(load_der_private_key(sealed, None), hashes.SHA256())


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def certificate_deleted(it: Vandal) -> None:
    it.delete(CERTIFICATES, it.leaves()[0])


def order_forgot_its_certificate(it: Vandal) -> None:
    it.update(ORDERS, it.done()[0], certificate_id=None)
    it.delete(CERTIFICATES, it.leaves()[0])


def own_certificate_deleted(it: Vandal) -> None:
    it.delete(CERTIFICATES, next(row for row in it.rows(CERTIFICATES) if row["name"] == "New"))


def recorded_twice(it: Vandal) -> None:
    it.drop_unique_serial()
    it.copy(CERTIFICATES, it.leaves()[0], name="again")


def signed_twice(it: Vandal) -> None:
    old = it.leaves()[0]
    new = it.sign_again(old)
    digest = new.fingerprint(hashes.SHA256()).hex()
    body = new.public_bytes(Encoding.PEM).decode()
    it.copy(CERTIFICATES, old, name="again", body=body, serial=str(new.serial_number), fingerprint=digest)


def entry_without_order(it: Vandal) -> None:
    it.copy(LEDGER, it.rows(LEDGER)[0], serial="4711")


def order_deleted(it: Vandal) -> None:
    it.delete(ORDERS, it.done()[0])


def entry_deleted(it: Vandal) -> None:
    it.delete(LEDGER, it.entry(it.leaves()[0]))


def entry_of_an_open_order_deleted(it: Vandal) -> None:
    serials = {row["serial"] for row in it.rows(CERTIFICATES)} | set(_answering(it))
    it.delete(LEDGER, next(row for row in it.rows(LEDGER) if row["serial"] not in serials))


def _answering(it: Vandal) -> list[str]:
    """The serial numbers of OCSP responders."""
    bodies = [x509.load_pem_x509_certificate(row["body"].encode()) for row in it.rows(RESPONDERS)]
    return [str(one.serial_number) for one in bodies]


def entry_of_a_responder_deleted(it: Vandal) -> None:
    serial = _answering(it)[0]
    it.delete(LEDGER, next(row for row in it.rows(LEDGER) if row["serial"] == serial))


def responder_deleted(it: Vandal) -> None:
    it.delete(RESPONDERS, it.rows(RESPONDERS)[0])


def key_of_a_responder_deleted(it: Vandal) -> None:
    pk = it.rows(RESPONDERS)[0]["private_key"].removeprefix("key:")
    it.delete(KEYS, next(row for row in it.rows(KEYS) if uuid.UUID(str(row["id"])) == uuid.UUID(pk)))


def digest_changed(it: Vandal) -> None:
    it.update(LEDGER, it.entry(it.leaves()[0]), tbs_sha256="0" * 64)


def signature_changed(it: Vandal) -> None:
    one = it.leaves()[0]
    der = bytearray(x509.load_pem_x509_certificate(one["body"].encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    it.update(CERTIFICATES, one, body=pem(bytes(der)))


def bodies_swapped(it: Vandal) -> None:
    one, other, *_ = it.leaves()
    it.update(CERTIFICATES, one, body=other["body"])
    it.update(CERTIFICATES, other, body=one["body"])


def column_changed(it: Vandal) -> None:
    it.update(CERTIFICATES, it.leaves()[0], spki_sha256="0" * 64)


def orders_swapped(it: Vandal) -> None:
    one, other, *_ = it.done()
    it.update(ORDERS, one, certificate_id=None)
    it.update(ORDERS, other, certificate_id=one["certificate_id"])


def order_open_again(it: Vandal) -> None:
    it.update(ORDERS, it.done()[0], state="waiting")


def order_open_again_without_certificate(it: Vandal) -> None:
    it.update(ORDERS, it.done()[0], state="waiting", certificate_id=None)


def key_deleted(it: Vandal) -> None:
    it.delete(KEYS, it.key(it.leaves()[0]))


def key_of_an_open_order_deleted(it: Vandal) -> None:
    it.delete(KEYS, it.key(next(row for row in it.rows(ORDERS) if row["state"] == "waiting")))


def key_of_an_authority_deleted(it: Vandal) -> None:
    it.delete(KEYS, it.key(it.rows(AUTHORITIES)[0]))


def keys_swapped(it: Vandal) -> None:
    one, other = (it.key(row) for row in it.leaves()[:2])
    it.update(KEYS, one, reference=bytes(other["reference"]))


def key_altered(it: Vandal) -> None:
    one = it.key(it.leaves()[0])
    sealed = bytearray(one["reference"])
    sealed[-1] ^= 1
    it.update(KEYS, one, reference=bytes(sealed))


def key_without_holder(it: Vandal) -> None:
    it.copy(KEYS, it.rows(KEYS)[0], id=uuid.uuid4().hex)


def audit_entry_deleted(it: Vandal) -> None:
    it.delete(AUDIT, it.audited("certificate.issued"))


def audit_entry_doubled(it: Vandal) -> None:
    it.copy(AUDIT, it.audited("certificate.ordered"))


MUTANTS: dict[Callable[[Vandal], None], str] = {
    certificate_deleted: "lost",
    order_forgot_its_certificate: "lost",
    own_certificate_deleted: "lost",
    recorded_twice: "doubled",
    signed_twice: "doubled",
    entry_without_order: "unordered",
    order_deleted: "unordered",
    entry_deleted: "unwritten",
    entry_of_an_open_order_deleted: "unwritten",
    entry_of_a_responder_deleted: "unwritten",
    responder_deleted: "unordered",
    key_of_a_responder_deleted: "keyless",
    digest_changed: "altered",
    signature_changed: "forged",
    bodies_swapped: "mismatched",
    column_changed: "misdescribed",
    orders_swapped: "mismatched",
    order_open_again: "mismatched",
    order_open_again_without_certificate: "mismatched",
    key_deleted: "keyless",
    key_of_an_open_order_deleted: "keyless",
    key_of_an_authority_deleted: "keyless",
    keys_swapped: "keyless",
    key_altered: "keyless",
    key_without_holder: "left-over",
    audit_entry_deleted: "unrecorded",
    audit_entry_doubled: "unrecorded",
}


@pytest.fixture(scope="module")
def kept(worker: Worker) -> str:
    """With two certificates that were ordered, an intermediate, and an order that died and nobody has taken up yet."""
    case = Case(worker)
    order = {"address": "/api/1/certificates", "token": worker.tokens["alice"]}
    for host in ("www.example.org", "mail.example.org"):
        assert case.run("post", body={**ORDER, "commonName": host}, **order).status == 200
    assert case.run("post", address="/api/1/authorities", body=CA, token=worker.tokens["root"]).status == 200
    body = {**ORDER, "commonName": "waits.example.org"}
    assert case.run("post", failpoints="issue.after=exit", body=body, **order).killed
    case.run("sweep")  # a process that ends in peace, so that SQLite has one file again
    word = case.keep()
    case.close()
    return word


@pytest.fixture
def busy(worker: Worker, kept: str) -> Iterator[Case]:
    """Such an installation, to be broken."""
    case = Case(worker, kept)
    yield case
    case.close()


def test_content(busy: Case) -> None:
    assert busy.findings(settled=False) == []
    assert [finding.kind for finding in busy.findings()] == ["unfinished"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant(mutant: Callable[[Vandal], None], busy: Case) -> None:
    database, keyring = busy.open(), Keyring.parse(busy.worker.keys)
    mutant(Vandal(database, keyring))
    found = check(database, keyring, settled=False)
    database.close()
    assert MUTANTS[mutant] in {finding.kind for finding in found}, [str(finding) for finding in found]


def test_every_kind_has_a_mutant() -> None:
    assert set(MUTANTS.values()) | {"unfinished"} == set(KINDS)


def test_keys_that_the_configured_ones_do_not_open(busy: Case) -> None:
    database = busy.open()
    found = check(database, Keyring.parse(new_key()), settled=False)
    database.close()
    assert {finding.kind for finding in found} == {"keyless"}


def test_as_a_program(busy: Case) -> None:
    address = busy.worker.engine.address(busy.database)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ENCRYPTION_KEYS": busy.worker.keys}
        command = [sys.executable, "-m", "tests.faults.checker", address, *options]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert run("--unsettled").returncode == 0
    told = run()
    assert told.returncode == 1
    assert re.fullmatch(r"unfinished: order \d+: it is waiting after 1 attempts\n", told.stdout)
