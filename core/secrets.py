"""The key-encryption keys of this installation, and digests of tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet

from core.errors import Unavailable
from core.fields import SealedField
from core.models import StoredKey
from pki.envelope import Keyring
from pki.errors import SealError

TOKEN_BYTES = 32
SEALED = "sealed"


def keyring() -> Keyring:
    """What ENCRYPTION_KEYS opens: the first key seals, all of them unseal."""
    return _parse(settings.ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _parse(text: str) -> Keyring:
    return Keyring.parse(text)


def verify_keys() -> None:
    """Raise Unavailable, naming the setting, unless the configured keys open what this database holds.

    One row is tried for each key-encryption key that seals any; an index finds them, however many rows there are.
    """
    try:
        ring = keyring()
    except SealError as error:
        raise Unavailable(f"ENCRYPTION_KEYS cannot be used: {error}") from error
    for stored in _one_for_each_key():
        try:
            ring.unseal(bytes(stored.reference), f"private-key:{stored.spki_sha256}")
        except SealError as error:
            raise Unavailable(f"ENCRYPTION_KEYS does not open the private keys of this database: {error}") from error


def _one_for_each_key() -> Iterator[StoredKey]:
    last = ""
    while (stored := StoredKey.objects.filter(sealed_with__gt=last).order_by("sealed_with").first()) is not None:
        yield stored
        last = stored.sealed_with


def key_id(box: bytes) -> str:
    """The id of the key-encryption key that seals this box, in hex; see pki.envelope for the layout."""
    return box[1:9].hex()


def new_token() -> str:
    """An unguessable token (256 bits) for a person or program to carry."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """What we keep of a token: its SHA-256. Tokens are random, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def rewrap() -> tuple[int, int]:
    """Wrap every data key with the first key-encryption key: (how many were, how many secrets there are).

    Row by row, each in a transaction of its own; a row that changed meanwhile is left for the next run. Raises
    SealError at the first secret that no configured key opens.
    """
    ring, rewrapped, total = keyring(), 0, 0
    for rows, column in _sealed_columns():
        for pk, box in rows.values_list("pk", column).iterator(chunk_size=500):
            total += 1
            if ring.needs_rewrap(box):
                fresh = ring.rewrap(box)
                changes = {column: fresh, **({"sealed_with": key_id(fresh)} if rows.model is StoredKey else {})}
                rewrapped += rows.filter(pk=pk, **{column: bytes(box)}).update(**changes)
    return rewrapped, total


def _sealed_columns() -> Iterator[tuple[QuerySet[Any], str]]:
    """Where secrets are: the keys of the built-in custody, and every SealedField."""
    yield StoredKey.objects.filter(custody=SEALED), "reference"
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, SealedField):
                yield model._default_manager.exclude(**{field.name: None}), field.name
