"""Private keys kept by ourselves: the reference is the key, sealed under the installation's encryption keys."""

from __future__ import annotations

from pki import keys
from pki.keys import KeySpec, PrivateKey
from plugins.contracts import ExportsKeys, KeyCustody
from plugins.errors import Permanent, refusing


class SealedCustody(KeyCustody, ExportsKeys):
    """Each sealed key is bound to its public key, so that it opens for its own certificates and for no other."""

    slug = "sealed"
    title = "Sealed in the database"
    description = "Encrypts every private key with AES-256-GCM under the keys in ENCRYPTION_KEYS."

    def generate(self, spec: KeySpec) -> tuple[bytes, PrivateKey]:
        key = keys.generate(spec)
        return self.store(key), key

    def store(self, key: PrivateKey) -> bytes:
        with refusing("The private key cannot be kept"):
            return self.keyring.seal(keys.private_key_der(key), _context(keys.spki_sha256(key.public_key())))

    def signer(self, reference: bytes, spki_sha256: str) -> PrivateKey:
        with refusing("The private key cannot be opened"):
            key = keys.load_private_key_trusted(self.keyring.unseal(reference, _context(spki_sha256)))
        if keys.spki_sha256(key.public_key()) != spki_sha256:
            raise Permanent("The private key cannot be opened: it belongs to another public key.")
        return key

    def destroy(self, reference: bytes) -> None:
        """Nothing is kept beside the reference, which the caller drops."""

    def reveal(self, reference: bytes, spki_sha256: str) -> PrivateKey:
        return self.signer(reference, spki_sha256)


def _context(spki_sha256: str) -> str:
    return f"private-key:{spki_sha256}"
