"""Reads only the CAs' ledger and the database, and says what was lost, doubled or does not fit together.

    python -m tests.faults.checker DATABASE [--unsettled]

DATABASE is the file of an SQLite database or the URL of a PostgreSQL; ENCRYPTION_KEYS opens the keys in it. Nothing of
the product is used but the envelope that keys are sealed in: the rest is SQL, and what the certificates themselves say.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from pki.envelope import Keyring
from pki.errors import SealError

Row = dict[str, Any]
KEYS = {"accounts_session": "session_key"}  # of tables that number nothing
OF_EACH_RUN = ("core_sweeprun",)  # says when a sweep ran, whatever it found
DONE, FAILED, OPEN = "done", "failed", ("waiting", "unknown")


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong, in one word of :data:`KINDS`, with what, and how."""

    kind: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.sentence}"


class Database:
    """The tables, through the driver alone."""

    def __init__(self, address: str) -> None:
        self.connection = psycopg2.connect(address) if "://" in address else sqlite3.connect(address)
        self.is_sqlite = isinstance(self.connection, sqlite3.Connection)

    def rows(self, table: str) -> list[Row]:
        """All of one table, by id."""
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT * FROM {table} ORDER BY {KEYS.get(table, 'id')}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self) -> list[str]:
        """Every table that the product's apps own."""
        cursor = self.connection.cursor()
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        cursor.execute(query if self.is_sqlite else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        apps = ("accounts_", "authorities_", "certificates_", "core_", "lifecycle_", "notifications_", "stores_")
        return sorted(name for (name,) in cursor.fetchall() if name.startswith(apps) and name not in OF_EACH_RUN)

    def everything(self) -> dict[str, list[str]]:
        """All rows of all tables, to be compared with those of another moment."""
        return {table: [repr(_plain(row)) for row in self.rows(table)] for table in self.tables()}

    def close(self) -> None:
        self.connection.close()


def _plain(row: Row) -> Row:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


class Book:
    """One reading of the database, with the certificates and keys in it opened."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.keyring = keyring
        self.authorities = {row["id"]: row for row in database.rows("authorities_authority")}
        self.ledger = database.rows("authorities_issuance")
        self.certificates = database.rows("certificates_certificate")
        self.orders = database.rows("certificates_order")
        self.responders = database.rows("authorities_responder")
        self.keys = {uuid.UUID(str(row["id"])): row for row in database.rows("core_storedkey")}
        audited = database.rows("core_auditentry")
        self.audit = Counter((row["event"], row["target_type"], row["target_id"]) for row in audited)
        self.adopted = {
            (int(row["target_id"]), int(serial))
            for row in audited
            if row["event"] == "ledger.adopted"
            for serial in _json(row["details"])["serials"]
        }
        self.parsed = {row["id"]: x509.load_pem_x509_certificate(row["body"].encode()) for row in self.certificates}
        self.drafts = {
            row["id"]: x509.load_der_x509_certificate(bytes(row["draft"])) for row in self.orders if row["draft"]
        }

    @cached_property
    def answering(self) -> dict[tuple[int, int], x509.Certificate]:
        """Certificates of OCSP responders, which are no rows of their own kind, by authority and serial number."""
        parsed = [
            (row["authority_id"], x509.load_pem_x509_certificate(row["body"].encode())) for row in self.responders
        ]
        return {(authority, one.serial_number): one for authority, one in parsed}

    @cached_property
    def entries(self) -> dict[tuple[int, int], Row]:
        """The ledger by authority and serial number."""
        return {(row["authority_id"], int(row["serial"])): row for row in self.ledger}

    @cached_property
    def issued(self) -> dict[tuple[int, int], list[Row]]:
        """Certificates by the authority that issued them, as their own bytes say it, and serial number.

        A CA's own certificate is issued by the parent of its authority.
        """
        found: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in self.certificates:
            if (issuer := self.issuer_id(row)) is not None:
                found[issuer, self.parsed[row["id"]].serial_number].append(row)
        return found

    def issuer_id(self, certificate: Row) -> int | None:
        """The authority of ours that has issued it."""
        if certificate["root_authority_id"] is not None:
            parent: int | None = self.authorities[certificate["root_authority_id"]]["parent_id"]
            return parent
        authority: int | None = certificate["authority_id"]
        return authority


def _json(value: Any) -> Any:
    """SQLite has it as text."""
    return json.loads(value) if isinstance(value, str) else value


def check(database: Database, keyring: Keyring, *, settled: bool = True) -> list[Finding]:
    """Everything that is wrong. ``settled``: the sweeps have run, so that no order may still be open."""
    book = Book(database, keyring)
    found = [finding for examine in KINDS.values() for finding in examine(book)]
    return sorted(set(found if settled else [finding for finding in found if finding.kind != "unfinished"]))


def lost(book: Book) -> Iterator[Finding]:
    """A serial number was used and no certificate is there for it, nor an order that will still bring it."""
    awaited = {
        (row["authority_id"], book.drafts[row["id"]].serial_number)
        for row in book.orders
        if _is_awaited(row) and row["draft"]
    }
    for key, entry in book.entries.items():
        if key in book.adopted and not entry["tbs_sha256"]:  # known from a revocation list alone
            continue
        if key not in book.issued and key not in awaited and key not in book.answering:
            yield Finding("lost", _line(entry), "there is neither a certificate nor an order that could bring it")
    for order in book.orders:
        if order["state"] == DONE and order["certificate_id"] is None:
            yield Finding("lost", _order(order), "it is done, and there is no certificate")


def _is_awaited(order: Row) -> bool:
    """Its certificate may still be missing: it is open, or was never issued."""
    return order["state"] in (*OPEN, FAILED)


def doubled(book: Book) -> Iterator[Finding]:
    """More than one certificate for what was asked for once."""
    for (authority, serial), rows in book.issued.items():
        if len(rows) > 1:
            yield Finding("doubled", f"serial {serial} of authority {authority}", f"certificates {_ids(rows)} bear it")
    ordered = Counter((row["authority_id"], _spki(_request(row))) for row in book.orders if row["state"] != FAILED)
    made: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in book.certificates:
        if row["authority_id"] is not None and (issuer := book.issuer_id(row)) is not None:
            made[issuer, _spki(book.parsed[row["id"]])].append(row)
    for key, times in ordered.items():
        if len(made[key]) > times:
            yield Finding("doubled", f"key {key[1][:16]}…", f"ordered {times} times, certificates {_ids(made[key])}")


def unordered(book: Book) -> Iterator[Finding]:
    """A line of the ledger that neither an order nor an authority accounts for."""
    reserved = {(row["authority_id"], book.drafts[row["id"]].serial_number) for row in book.orders if row["draft"]}
    own = {
        (row["parent_id"], x509.load_pem_x509_certificate(row["body"].encode()).serial_number)
        for row in book.authorities.values()
    }
    for key, entry in book.entries.items():
        if key not in reserved | own | book.adopted and key not in book.answering:
            yield Finding("unordered", _line(entry), "no order, authority or responder of ours has reserved it")


def unwritten(book: Book) -> Iterator[Finding]:
    """What was issued or is about to be, and the ledger does not know it."""
    for order in book.orders:
        key = (order["authority_id"], book.drafts[order["id"]].serial_number) if order["draft"] else None
        if key and key not in book.entries:
            yield Finding("unwritten", _order(order), f"its serial number {key[1]} is not in the ledger")
    for order in book.orders:
        row = _named(book, order)
        ours = book.authorities[order["authority_id"]]["private_key"]
        if row and ours and (order["authority_id"], book.parsed[row["id"]].serial_number) not in book.entries:
            yield Finding("unwritten", _certificate(row), "its serial number is not in the ledger")
    for authority, serial in book.answering:
        if (authority, serial) not in book.entries:
            yield Finding("unwritten", f"responder {serial}", "its serial number is not in the ledger")


def altered(book: Book) -> Iterator[Finding]:
    """What was signed is not what the ledger had reserved."""
    for key, entry in book.entries.items():
        drafts = [draft for draft in book.drafts.values() if draft.serial_number == key[1]]
        drafts += [book.answering[key]] if key in book.answering else []
        for one in [*(book.parsed[row["id"]] for row in book.issued.get(key, ())), *drafts]:
            if hashlib.sha256(one.tbs_certificate_bytes).hexdigest() != entry["tbs_sha256"]:
                yield Finding("altered", _line(entry), "the certificate or draft under it is another one")


def forged(book: Book) -> Iterator[Finding]:
    """A certificate of one of our authorities that this authority has not signed."""
    for key, rows in book.issued.items():
        issuer = x509.load_pem_x509_certificate(book.authorities[key[0]]["body"].encode())
        for row in rows if key in book.entries else ():
            try:
                book.parsed[row["id"]].verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError):
                yield Finding("forged", _certificate(row), f"authority {key[0]} has not signed it")
    for (authority, serial), one in book.answering.items():
        issuer = x509.load_pem_x509_certificate(book.authorities[authority]["body"].encode())
        try:
            one.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            yield Finding("forged", f"responder {serial}", f"authority {authority} has not signed it")


def misdescribed(book: Book) -> Iterator[Finding]:
    """Columns that say something else than the certificate itself."""
    for row in book.certificates:
        one = book.parsed[row["id"]]
        der = one.public_bytes(Encoding.DER)
        said = (row["serial"], row["fingerprint"].lower().replace(":", ""), row["spki_sha256"])
        if said != (str(one.serial_number), hashlib.sha256(der).hexdigest(), _spki(one)):
            yield Finding("misdescribed", _certificate(row), "its columns are not those of its body")


def mismatched(book: Book) -> Iterator[Finding]:
    """An order whose certificate is not for the key that it asked for, or that disagrees with it about being done."""
    for order in book.orders:
        row = _named(book, order)
        if row and _spki(book.parsed[row["id"]]) != _spki(_request(order)):
            yield Finding("mismatched", _order(order), f"certificate {row['id']} is for another key")
        if row and order["state"] != DONE:
            yield Finding("mismatched", _order(order), f"it has certificate {row['id']} and is {order['state']}")
        if row and row["private_key"] != order["private_key"]:
            yield Finding("mismatched", _order(order), f"certificate {row['id']} has another key URI")
        serial = book.drafts[order["id"]].serial_number if order["draft"] else None
        if not row and serial and book.issued.get((order["authority_id"], serial)):
            yield Finding("mismatched", _order(order), "its certificate exists, and it does not know it")


def keyless(book: Book) -> Iterator[Finding]:
    """A key that is not there, does not open, or is not that of the certificate, authority or order that names it."""
    holders = [(_certificate(row), row["private_key"], _spki(book.parsed[row["id"]])) for row in book.certificates]
    for row in book.authorities.values():
        own = x509.load_pem_x509_certificate(row["body"].encode())
        holders.append((f"authority {row['id']}", row["private_key"], _spki(own)))
    for row in book.responders:
        own = x509.load_pem_x509_certificate(row["body"].encode())
        holders.append((f"responder {row['id']}", row["private_key"], _spki(own)))
    holders += [
        (_order(row), row["private_key"], _spki(_request(row))) for row in book.orders if row["state"] != FAILED
    ]
    for name, uri, spki in holders:
        if uri and (reason := _why_not(book, uri, spki)):
            yield Finding("keyless", name, f"{uri} {reason}")


def _why_not(book: Book, uri: str, spki: str) -> str:
    stored = book.keys.get(uuid.UUID(uri.removeprefix("key:")))
    if stored is None:
        return "is not there"
    try:
        key = load_der_private_key(book.keyring.unseal(bytes(stored["reference"]), f"private-key:{spki}"), None)
    except (SealError, ValueError) as error:
        return f"does not open: {error}"
    return "" if _spki(key) == spki == stored["spki_sha256"] else "is another key"


def left_over(book: Book) -> Iterator[Finding]:
    """A key that nothing names."""
    holders = [*book.certificates, *book.authorities.values(), *book.orders, *book.responders]
    named = {row["private_key"] for row in holders}
    for pk in book.keys:
        if f"key:{pk}" not in named:
            yield Finding("left-over", f"key:{pk}", "no certificate, authority or order names it")


def unrecorded(book: Book) -> Iterator[Finding]:
    """Something happened and the audit log does not say so, or says so more than once."""
    happened = [("certificate.ordered", "certificates.order", row["id"], _order(row)) for row in book.orders]
    for order in book.orders:
        if row := _named(book, order):
            happened.append(("certificate.issued", "certificates.certificate", row["id"], _certificate(row)))
    for event, kind, pk, name in happened:
        if (times := book.audit[event, kind, str(pk)]) != 1:
            yield Finding("unrecorded", name, f"{times} entries {event}")


def unfinished(book: Book) -> Iterator[Finding]:
    """An order that nobody has brought to an end."""
    for order in book.orders:
        if order["state"] in OPEN:
            yield Finding("unfinished", _order(order), f"it is {order['state']} after {order['attempts']} attempts")


KINDS: dict[str, Callable[[Book], Iterator[Finding]]] = {
    "lost": lost,
    "doubled": doubled,
    "unordered": unordered,
    "unwritten": unwritten,
    "altered": altered,
    "forged": forged,
    "misdescribed": misdescribed,
    "mismatched": mismatched,
    "keyless": keyless,
    "left-over": left_over,
    "unrecorded": unrecorded,
    "unfinished": unfinished,
}


def _named(book: Book, order: Row) -> Row | None:
    return next((row for row in book.certificates if row["id"] == order["certificate_id"]), None)


def _request(order: Row) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(order["csr"].encode())


def _spki(holder: Any) -> str:
    der = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _line(entry: Row) -> str:
    return f"serial {entry['serial']} of authority {entry['authority_id']}"


def _order(row: Row) -> str:
    return f"order {row['id']}"


def _certificate(row: Row) -> str:
    return f"certificate {row['id']}"


def _ids(rows: list[Row]) -> str:
    return ", ".join(str(row["id"]) for row in rows)


def main(arguments: list[str]) -> int:
    """Print the findings; 1 if there are any."""
    settled = "--unsettled" not in arguments
    [address] = [argument for argument in arguments if not argument.startswith("--")]
    findings = check(Database(address), Keyring.parse(os.environ["ENCRYPTION_KEYS"]), settled=settled)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
