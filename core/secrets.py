"""The key-encryption keys of this installation, and digests of tokens."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache

from django.conf import settings

from core.errors import Unavailable
from core.models import StoredKey
from pki.envelope import Keyring
from pki.errors import SealError

TOKEN_BYTES = 32


def keyring() -> Keyring:
    """What ENCRYPTION_KEYS opens: the first key seals, all of them unseal."""
    return _parse(settings.ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _parse(text: str) -> Keyring:
    return Keyring.parse(text)


def verify_keys() -> None:
    """Raise Unavailable, naming the setting, unless the configured keys open what this database holds.

    The newest sealed key is tried: it was sealed with the key that was first when it was made.
    """
    try:
        ring = keyring()
    except SealError as error:
        raise Unavailable(f"ENCRYPTION_KEYS cannot be used: {error}") from error
    newest = StoredKey.objects.filter(custody="sealed").order_by("-created_at").first()
    if newest is None:
        return
    try:
        ring.unseal(bytes(newest.reference), f"private-key:{newest.spki_sha256}")
    except SealError as error:
        raise Unavailable(f"ENCRYPTION_KEYS does not open the private keys of this database: {error}") from error


def new_token() -> str:
    """An unguessable token (256 bits) for a person or program to carry."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """What we keep of a token: its SHA-256. Tokens are random, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def rewrap_stored_keys() -> tuple[int, int]:
    """Wrap every data key with the first key-encryption key: (how many were, how many keys there are).

    Row by row, each in a transaction of its own; a row that changed meanwhile is left for the next run. Raises
    SealError at the first key that no configured key opens.
    """
    ring, rewrapped, total = keyring(), 0, 0
    for stored in StoredKey.objects.filter(custody="sealed").iterator(chunk_size=500):
        total += 1
        box = bytes(stored.reference)
        if ring.needs_rewrap(box):
            same = StoredKey.objects.filter(pk=stored.pk, reference=box)
            rewrapped += same.update(reference=ring.rewrap(box))
    return rewrapped, total
