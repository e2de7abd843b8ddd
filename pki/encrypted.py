"""Encrypted private keys (PKCS#8, RFC 5958 and 8018): how much work one may ask for before its passphrase is tried."""

from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1

from pki.errors import UNREADABLE, BadKey

MOST_ITERATIONS: Final = 1_000_000
"""About a second. OpenSSL writes 2,048; OWASP recommends 600,000."""
LONGEST_KEY: Final = 64
"""Bytes derived: no cipher takes more, and each block of them costs all iterations again."""
_PBES2: Final = x509.ObjectIdentifier("1.2.840.113549.1.5.13")
_PBKDF2: Final = x509.ObjectIdentifier("1.2.840.113549.1.5.12")


@asn1.sequence
class Algorithm:
    oid: x509.ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class EncryptedKey:
    algorithm: Algorithm
    data: bytes


@asn1.sequence
class Pbes2:
    """Also the parameters of PBMAC1, where the second algorithm is the MAC (RFC 9579)."""

    derivation: Algorithm
    cipher: Algorithm


@asn1.sequence
class Pbkdf2:
    salt: bytes
    iterations: int
    key_length: int | None
    digest: Algorithm | None


@asn1.sequence
class Pbes1:
    """Also the parameters of the schemes of PKCS#12 (RFC 7292, appendix C)."""

    salt: bytes
    iterations: int


def refuse_costly(der: bytes) -> None:
    """BadKey when opening would take long; nothing when the bytes are no encrypted key at all.

    Only schemes whose cost is known pass: PBES2 with PBKDF2, PBES1 and those of PKCS#12.
    """
    try:
        algorithm = asn1.decode_der(EncryptedKey, der).algorithm
    except UNREADABLE:
        return
    try:
        asked, length = work(algorithm)
    except UNREADABLE as error:
        raise BadKey(
            "The private key is encrypted in a way that is not supported: encrypt it with PBES2 and PBKDF2.",
            field="private_key",
        ) from error
    if asked > MOST_ITERATIONS or length > LONGEST_KEY:
        raise BadKey(
            f"Opening the private key would take too long: encrypt it with at most {MOST_ITERATIONS} iterations.",
            field="private_key",
        )


def iterations(der: bytes) -> int:
    """How many it takes to open an encrypted key; 0 for what is none, or none that is opened here."""
    try:
        return abs(work(asn1.decode_der(EncryptedKey, der).algorithm)[0])
    except UNREADABLE:
        return 0


def work(algorithm: Algorithm) -> tuple[int, int]:
    """Iterations, and bytes to derive. Raises what UNREADABLE lists for schemes whose cost is not known."""
    if algorithm.oid == _PBES2:
        return work_of_derivation(algorithm.parameters.parse(Pbes2).derivation)
    return algorithm.parameters.parse(Pbes1).iterations, 0


def work_of_derivation(derivation: Algorithm) -> tuple[int, int]:
    """The same for a key derivation function on its own."""
    if derivation.oid != _PBKDF2:
        raise ValueError(derivation.oid.dotted_string)
    parameters = derivation.parameters.parse(Pbkdf2)
    return parameters.iterations, parameters.key_length or 0
