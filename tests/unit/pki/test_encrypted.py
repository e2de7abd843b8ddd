"""pki.encrypted: keys under honest passphrases open, keys that ask for hours of work are refused at once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509 import ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import encrypted, keys
from pki.encrypted import Algorithm, EncryptedKey, Pbes1, Pbes2, Pbkdf2
from pki.errors import BadKey
from tests.endings import ends

KEY = keys.generate(keys.KEY_SPECS["ED25519"])
DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
SCRYPT = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
PBE_SHA1_3DES = ObjectIdentifier("1.2.840.113549.1.12.1.3")


@asn1.sequence
class Box:
    content: asn1.TLV


def element(value: object) -> asn1.TLV:
    der = asn1.encode_der(value)
    assert len(der) < 0x80
    return asn1.decode_der(Box, bytes([0x30, len(der)]) + der).content


def with_parameters(oid: ObjectIdentifier, value: object) -> bytes:
    original = asn1.decode_der(EncryptedKey, DER)
    return asn1.encode_der(EncryptedKey(algorithm=Algorithm(oid=oid, parameters=element(value)), data=original.data))


def with_derivation(oid: ObjectIdentifier | None = None, **changes: int) -> bytes:
    algorithm = asn1.decode_der(EncryptedKey, DER).algorithm
    scheme = algorithm.parameters.parse(Pbes2)
    old = scheme.derivation.parameters.parse(Pbkdf2)
    values = {"salt": old.salt, "iterations": old.iterations, "key_length": None, "digest": old.digest} | changes
    derivation = Algorithm(oid=oid or scheme.derivation.oid, parameters=element(Pbkdf2(**values)))
    return with_parameters(algorithm.oid, Pbes2(derivation=derivation, cipher=scheme.cipher))


def test_an_honest_key_opens():
    for der in (DER, with_derivation()):
        assert keys.belongs(keys.load_private_key(der, passphrase=b"open sesame"), KEY.public_key())


@pytest.mark.parametrize(
    "der",
    [
        with_derivation(iterations=encrypted.MOST_ITERATIONS + 1),
        with_derivation(iterations=10**30),
        with_derivation(key_length=1_000_000),
        with_parameters(PBE_SHA1_3DES, Pbes1(salt=b"12345678", iterations=2_000_000_000)),
    ],
    ids=["one too many", "absurd", "long derived key", "PKCS#12 scheme"],
)
def test_hours_of_work_are_refused_at_once(der):
    with ends(), pytest.raises(BadKey, match="would take too long") as caught:
        keys.load_private_key(der, passphrase=b"open sesame")
    assert caught.value.field == "private_key"


def test_an_unknown_derivation_is_refused():
    with pytest.raises(BadKey, match="not supported: encrypt it with PBES2"):
        encrypted.refuse_costly(with_derivation(SCRYPT))


@pytest.mark.parametrize("name", ["RSA2048", "ECCPRIME256V1", "ED25519"])
def test_unencrypted_keys_are_no_concern(name):
    encrypted.refuse_costly(keys.private_key_der(keys.generate(keys.KEY_SPECS[name])))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_mutants_raise_nothing_else(data):
    mutant = bytearray(DER[: data.draw(st.integers(0, len(DER)))] if data.draw(st.booleans()) else DER)
    if mutant:
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadKey):
        keys.load_private_key(bytes(mutant), passphrase=b"open sesame")
