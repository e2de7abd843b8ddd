"""Certificates of theirs, read one by one before any transaction: what can be read, opened and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from certificates.models import Certificate
from core import keys as key_store
from core.audit import Event
from core.models import StoredKey
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk, Taken
from lifecycle.moving.vault import Locked
from pki import chains, inspection, requests
from pki.errors import PkiError

LONGEST_CHAIN = 1_000
KEY_STAYED = "Its private key stayed behind: "


@dataclass
class Prepared:
    """A certificate that could be read. ``stored`` is its key, not saved yet."""

    theirs: rows.Certificate
    row: Certificate
    stored: StoredKey | None
    taken: Taken


def prepare(batch: Iterable[rows.Certificate], desk: Desk) -> list[Prepared]:
    """Everything that takes time or may fail, before the transaction. What cannot be read is refused."""
    found = []
    for theirs in batch:
        try:
            row = Certificate.from_body(theirs.body.strip())
        except PkiError as error:
            desk.refuse(theirs, error.message)
            continue
        taken = Taken(theirs, row, Event.CERTIFICATE_IMPORTED)
        row.chain = _chain(theirs, row, taken)
        row.csr = _csr(theirs, taken)
        stored = open_key(theirs, row, desk, taken)
        row.private_key = stored.uri if stored else None
        found.append(Prepared(theirs, row, stored, taken))
    return found


@lru_cache(maxsize=64)
def _split(chain: str) -> tuple[x509.Certificate, ...]:
    """All that one authority issues has the same."""
    return tuple(chains.split(chain, limit=LONGEST_CHAIN))


def _chain(theirs: rows.Certificate, row: Certificate, taken: Taken) -> str | None:
    if not (theirs.chain or "").strip():
        return None
    try:
        links = _split(str(theirs.chain))
    except PkiError as error:
        taken.lost(f"Its chain stayed behind: {error.message}")
        return None
    try:
        chains.verify(row.parsed, links)
    except PkiError as error:
        taken.note(f"Its chain does not fit and came over as it is. {error.message}.")
    return "".join(map(inspection.pem, links))


def _csr(theirs: rows.Certificate, taken: Taken) -> str | None:
    if not (theirs.csr or "").strip():
        return None
    try:
        return requests.read(str(theirs.csr)).pem
    except PkiError as error:
        taken.lost(f"Its signing request stayed behind: {error.message}")
        return None


def open_key(theirs: rows.Certificate, row: Certificate, desk: Desk, taken: Taken) -> StoredKey | None:
    """Its key, sealed anew and not saved yet; None, and said why, if it stays behind."""
    if not theirs.private_key:
        return None
    try:
        return key_store.store(desk.vault.private_key(theirs.private_key, row.parsed))
    except Locked as error:
        taken.lost(f"{KEY_STAYED}{error}.")
        return None
