"""PKCS#12 files (RFC 7292) from outside: how much work opening one would be, before its passphrase is tried.

Read with pyasn1, since Windows and NSS write BER. Importing its description of PKCS#12 takes a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat import asn1
from pyasn1.codec.ber import decoder
from pyasn1.codec.der import encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type.univ import OctetString
from pyasn1_alt_modules import rfc5652, rfc5958, rfc7292

from pki.encrypted import LONGEST_KEY, MOST_ITERATIONS, Algorithm, Pbes2, work, work_of_derivation
from pki.errors import UNREADABLE, BadContainer

MOST_IN_ALL: Final = 3 * MOST_ITERATIONS
"""A file has three passphrase-based parts: its MAC, its certificates, its key."""
LARGEST: Final = 512 * 1024
"""Bytes. Room for every certificate that is taken; a file of tiny parts takes seconds to read at this size."""

_DEEPEST: Final = 4
_PBMAC1: Final = "1.2.840.113549.1.5.14"


def refuse_costly(data: bytes) -> int:
    """The iterations that opening takes. BadContainer when they are too many, and when the bytes are no PKCS#12 at all.

    What an encrypted part holds cannot be seen from outside; honest files have no further encrypted keys in there.
    """
    if len(data) > LARGEST:
        raise BadContainer(f"The PKCS#12 is longer than {LARGEST} bytes.")
    try:
        costs = list(_costs(data))
    except (*UNREADABLE, PyAsn1Error, RecursionError) as error:
        raise BadContainer("The PKCS#12 does not open: it is damaged, or no PKCS#12 file.") from error
    too_long = any(length > LONGEST_KEY for _, length in costs)
    in_all = sum(abs(iterations) for iterations, _ in costs)
    if too_long or in_all > MOST_IN_ALL:
        raise BadContainer(
            f"Opening the PKCS#12 would take too long: write it with at most {MOST_ITERATIONS} iterations."
        )
    return in_all


def _costs(data: bytes) -> Iterator[tuple[int, int]]:
    """Iterations and bytes to derive, of each part that is under the passphrase."""
    file = _read(data, rfc7292.PFX())
    if file["macData"].hasValue():
        yield _cost_of_mac(file["macData"])
    for part in _read(_octets(file["authSafe"]["content"]), rfc7292.AuthenticatedSafe()):
        if part["contentType"] == rfc5652.id_encryptedData:
            content = _read(part["content"], rfc5652.EncryptedData())["encryptedContentInfo"]
            yield work(_algorithm(content["contentEncryptionAlgorithm"]))
        elif part["contentType"] == rfc5652.id_data:
            yield from _costs_of_bags(_octets(part["content"]), depth=1)


def _cost_of_mac(mac: Any) -> tuple[int, int]:
    identifier = mac["mac"]["digestAlgorithm"]
    if str(identifier["algorithm"]) == _PBMAC1:
        return work_of_derivation(_algorithm(identifier).parameters.parse(Pbes2).derivation)
    return int(mac["iterations"]), 0


def _costs_of_bags(data: bytes, *, depth: int) -> Iterator[tuple[int, int]]:
    if depth > _DEEPEST:
        raise ValueError("bags within bags")
    for bag in _read(data, rfc7292.SafeContents()):
        if bag["bagId"] == rfc7292.id_pkcs8ShroudedKeyBag:
            key = _read(bag["bagValue"], rfc5958.EncryptedPrivateKeyInfo())
            yield work(_algorithm(key["encryptionAlgorithm"]))
        elif bag["bagId"] == rfc7292.id_safeContentsBag:
            yield from _costs_of_bags(bytes(bag["bagValue"]), depth=depth + 1)


def _algorithm(identifier: Any) -> Algorithm:
    return asn1.decode_der(Algorithm, encoder.encode(identifier))


def _octets(content: Any) -> bytes:
    return bytes(_read(content, OctetString()))


def _read(data: Any, shape: Any) -> Any:
    return decoder.decode(bytes(data), asn1Spec=shape)[0]
