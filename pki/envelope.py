"""Sealed secrets: AES-256-GCM under a data key of its own, bound to its row; that key wrapped by a longer-lived one.

A box is: version (1 octet), id of the key-encryption key (8), wrapped data key (40, RFC 3394), nonce (12), ciphertext,
tag (16).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from pki.errors import SealError

VERSION: Final = 1
OVERHEAD: Final = 77
"""Octets a box is longer than its secret."""

_KEY: Final = 32
_ID: Final = slice(1, 9)
_WRAPPED: Final = slice(9, 49)
_NONCE: Final = slice(49, 61)
_SEALED: Final = slice(61, None)


@dataclass(frozen=True)
class Kek:
    """A key-encryption key. The id says which key opens a box, and nothing about the key."""

    id: bytes
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> Kek:
        if len(key) != _KEY:
            raise SealError(f"A key-encryption key has {_KEY} bytes, not {len(key)}.")
        return cls(id=sha256(key).digest()[:8], key=key)


class Keyring:
    """The first key seals, all of them open: put a new key first and rewrap to rotate."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise SealError("There is no key in ENCRYPTION_KEYS; make one and put it there.")
        found = [Kek.of(key) for key in keys]
        self._first = found[0]
        self._by_id = {kek.id: kek for kek in found}

    def __repr__(self) -> str:
        return f"Keyring({', '.join(kek.id.hex() for kek in self._by_id.values())})"

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """One key in base64 (plain or URL-safe) per line, or between commas."""
        parts = [part.strip() for part in text.replace(",", "\n").splitlines()]
        return cls([_decoded(part, number) for number, part in enumerate(filter(None, parts), start=1)])

    def seal(self, secret: bytes, context: str) -> bytes:
        """`context` names the place the secret belongs to; the box opens nowhere else."""
        data_key, nonce = os.urandom(_KEY), os.urandom(12)
        sealed = AESGCM(data_key).encrypt(nonce, secret, _associated(VERSION, context))
        return bytes([VERSION]) + self._first.id + aes_key_wrap(self._first.key, data_key) + nonce + sealed

    def unseal(self, box: bytes | memoryview, context: str) -> bytes:
        """SealError tells a missing key from a box that was altered or belongs to another context."""
        box = _checked(box)
        data_key = self._data_key(box)
        try:
            return AESGCM(data_key).decrypt(box[_NONCE], box[_SEALED], _associated(box[0], context))
        except InvalidTag:
            raise SealError("The sealed secret does not open: it was altered or belongs to another row.") from None

    def rewrap(self, box: bytes | memoryview) -> bytes:
        """The same secret under the first key. Only the data key is opened, never the secret."""
        box = _checked(box)
        data_key = self._data_key(box)
        if not self.needs_rewrap(box):
            return box
        return box[:1] + self._first.id + aes_key_wrap(self._first.key, data_key) + box[_WRAPPED.stop :]

    def needs_rewrap(self, box: bytes | memoryview) -> bool:
        """Was it wrapped with another key than the first? SealError if it is no box."""
        return _checked(box)[_ID] != self._first.id

    def _data_key(self, box: bytes) -> bytes:
        kek = self._by_id.get(box[_ID])
        if kek is None:
            raise SealError(
                f"The secret was sealed with a key that is not in ENCRYPTION_KEYS (id {box[_ID].hex()}); add that key."
            )
        try:
            return aes_key_unwrap(kek.key, box[_WRAPPED])
        except InvalidUnwrap:
            raise SealError("The sealed secret does not open: it was altered or belongs to another row.") from None


def new_key() -> str:
    """A key for ENCRYPTION_KEYS: URL-safe base64 of 32 random bytes."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode("ascii")


def _checked(box: bytes | memoryview) -> bytes:
    """PostgreSQL's driver gives binary columns as memoryview."""
    box = bytes(box)
    if len(box) < OVERHEAD:
        raise SealError(f"Not a sealed secret: {len(box)} bytes are too few.")
    if box[0] != VERSION:
        raise SealError(f"The secret is sealed in format {box[0]}, which this version cannot open.")
    return box


def _associated(version: int, context: str) -> bytes:
    return bytes([version]) + context.encode("utf-8", "surrogatepass")


def _decoded(text: str, number: int) -> bytes:
    """The text is never quoted: it may be most of a key."""
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY:
        raise SealError(f"Key {number} in ENCRYPTION_KEYS is not {_KEY} bytes in base64.")
    return key
