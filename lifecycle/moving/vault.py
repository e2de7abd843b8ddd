"""What Lemur has encrypted, opened with its own keys (Fernet, any of several), and private keys held against theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cryptography import x509
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from core.errors import Invalid
from pki import keys, signatures
from pki.errors import UNREADABLE, BadKey

PROBE = b"Do both halves belong together?"
NO_KEYS = "Lemur's encryption keys were not given"
NOT_OPENED = "none of the encryption keys given opens it"


class Locked(Exception):
    """It stays closed; the text says why."""


class Vault:
    """Lemur's encryption keys; without any, everything stays closed."""

    def __init__(self, encryption_keys: Iterable[str]) -> None:
        """Raises Invalid if one is no Fernet key; it is named by its place, never quoted."""
        opened = []
        for place, key in enumerate(encryption_keys, start=1):
            try:
                opened.append(Fernet(key.strip()))
            except ValueError as error:
                raise Invalid(f"Number {place} of Lemur's encryption keys is no Fernet key.") from error
        self._fernet = MultiFernet(opened) if opened else None

    def open(self, box: bytes) -> str:
        """The text in it. Raises Locked."""
        if self._fernet is None:
            raise Locked(NO_KEYS)
        try:
            return self._fernet.decrypt(box).decode()
        except (InvalidToken, UnicodeDecodeError) as error:
            raise Locked(NOT_OPENED) from error

    def private_key(self, box: bytes, certificate: x509.Certificate) -> keys.PrivateKey:
        """The key of this certificate. Raises Locked if it cannot be opened or read, or is another's."""
        try:
            key = keys.load_private_key_trusted(self.open(box).strip().encode())
        except BadKey as error:
            raise Locked(error.message.rstrip(".")) from error
        public_key = signatures.public_key_of(certificate)
        if public_key is None or not keys.belongs(key, public_key) or not _signs(key, public_key):
            raise Locked("the private key is not that of the certificate")
        return key


def parse_keys(text: str) -> list[str]:
    """With commas or white space between them; the quotes and brackets of a Python list may stay."""
    return [part for part in re.split(r"[\s,\[\]'\"]+", text) if part and part != "b"]


def _signs(key: keys.PrivateKey, public_key: keys.PublicKey) -> bool:
    """A signature says what proving its numbers would, in a hundredth of the time."""
    digest = keys.hash_for(key)
    try:
        match key, public_key:
            case (rsa.RSAPrivateKey(), rsa.RSAPublicKey()) if digest:
                pkcs1 = padding.PKCS1v15()
                public_key.verify(key.sign(PROBE, pkcs1, digest), PROBE, pkcs1, digest)
            case (ec.EllipticCurvePrivateKey(), ec.EllipticCurvePublicKey()) if digest:
                scheme = ec.ECDSA(digest)
                public_key.verify(key.sign(PROBE, scheme), PROBE, scheme)
    except UNREADABLE:
        return False
    return True
