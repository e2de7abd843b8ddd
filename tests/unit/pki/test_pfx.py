"""pki.pfx: honest PKCS#12 files pass, those that ask for hours of work are refused at once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import encoder as ber
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ
from pyasn1_alt_modules import rfc5652, rfc5958, rfc7292, rfc8018

from pki import containers, pfx
from pki.encrypted import MOST_ITERATIONS
from pki.errors import BadContainer
from tests.endings import ends
from tests.pki_material import material

SECRET = b"open sesame"
SCRYPT = "1.3.6.1.4.1.11591.4.11"


def written(*, legacy: bool = False, rounds: int = 2048) -> bytes:
    scheme = PBES.PBESv1SHA1And3KeyTripleDESCBC if legacy else PBES.PBESv2SHA256AndAES256CBC
    digest = hashes.SHA1() if legacy else hashes.SHA256()
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).key_cert_algorithm(scheme)
    leaf, chain = material().leaf, list(material().chain)
    encryption = builder.hmac_hash(digest).build(SECRET)
    return pkcs12.serialize_key_and_certificates(b"www", leaf.key, leaf.certificate, chain, encryption)


MODERN, LEGACY = written(), written(legacy=True)


def with_iterations(number: int, algorithm, *, length: int | None = None):
    """The same algorithm identifier with so much work in it."""
    if algorithm["algorithm"] == rfc8018.id_PBES2:
        scheme, _ = decoder.decode(algorithm["parameters"], asn1Spec=rfc8018.PBES2_params())
        derivation, _ = decoder.decode(scheme["keyDerivationFunc"]["parameters"], asn1Spec=rfc8018.PBKDF2_params())
        derivation["iterationCount"] = number
        if length is not None:
            derivation["keyLength"] = length
        scheme["keyDerivationFunc"]["parameters"] = encoder.encode(derivation)
        algorithm["parameters"] = encoder.encode(scheme)
    else:
        parameters, _ = decoder.decode(algorithm["parameters"], asn1Spec=rfc8018.PBEParameter())
        parameters["iterationCount"] = number
        algorithm["parameters"] = encoder.encode(parameters)


def octets(data: bytes) -> bytes:
    return encoder.encode(univ.OctetString(data))


def inside(der: bytes) -> bytes:
    return bytes(decoder.decode(bytes(der), asn1Spec=univ.OctetString())[0])


class File:
    """A PKCS#12 taken apart, to be changed and put together again."""

    def __init__(self, data: bytes = MODERN) -> None:
        self.file, _ = decoder.decode(data, asn1Spec=rfc7292.PFX())
        self.parts, _ = decoder.decode(inside(self.file["authSafe"]["content"]), asn1Spec=rfc7292.AuthenticatedSafe())

    def in_mac(self, number: int) -> File:
        self.file["macData"]["iterations"] = number
        return self

    def in_certificates(self, number: int, **more: int) -> File:
        part = next(part for part in self.parts if part["contentType"] == rfc5652.id_encryptedData)
        content, _ = decoder.decode(part["content"], asn1Spec=rfc5652.EncryptedData())
        with_iterations(number, content["encryptedContentInfo"]["contentEncryptionAlgorithm"], **more)
        part["content"] = encoder.encode(content)
        return self

    def in_key(self, number: int, *, nested: int = 0) -> File:
        part = next(part for part in self.parts if part["contentType"] == rfc5652.id_data)
        bags, _ = decoder.decode(inside(part["content"]), asn1Spec=rfc7292.SafeContents())
        key, _ = decoder.decode(bags[0]["bagValue"], asn1Spec=rfc5958.EncryptedPrivateKeyInfo())
        with_iterations(number, key["encryptionAlgorithm"])
        bags[0]["bagValue"] = encoder.encode(key)
        for _ in range(nested):
            outer = rfc7292.SafeContents()
            outer[0]["bagId"], outer[0]["bagValue"] = rfc7292.id_safeContentsBag, encoder.encode(bags)
            bags = outer
        part["content"] = octets(encoder.encode(bags))
        return self

    def __bytes__(self) -> bytes:
        self.file["authSafe"]["content"] = octets(encoder.encode(self.parts))
        return encoder.encode(self.file)


@pytest.mark.parametrize("data", [MODERN, LEGACY, written(rounds=600_000)], ids=["modern", "legacy", "as OWASP says"])
def test_honest_files_open(data):
    found = containers.read_pkcs12(data, SECRET.decode())
    assert (found.certificate, found.chain) == (material().leaf.certificate, material().chain)
    assert containers.read_any(bytes(File(data)), SECRET.decode()).certificate == found.certificate


def test_files_in_ber_open():
    """Indefinite lengths, and octet strings in pieces, as Windows and NSS write them."""
    whole, _ = decoder.decode(MODERN, asn1Spec=rfc7292.PFX())
    data = ber.encode(whole, defMode=False, maxChunkSize=1000)
    assert data != MODERN
    pfx.refuse_costly(data)
    whole["macData"]["iterations"] = 10**9
    with pytest.raises(BadContainer, match="would take too long"):
        pfx.refuse_costly(ber.encode(whole, defMode=False, maxChunkSize=1000))


@pytest.mark.parametrize("data", [MODERN, LEGACY], ids=["modern", "legacy"])
@pytest.mark.parametrize("number", [pfx.MOST_IN_ALL + 1, 2**31 - 1, 2**31, 10**30])
@pytest.mark.parametrize("where", [File.in_mac, File.in_certificates, File.in_key])
def test_hours_of_work_are_refused_at_once(data, number, where):
    costly = bytes(where(File(data), number))
    with ends(), pytest.raises(BadContainer, match=f"would take too long: write it with at most {MOST_ITERATIONS}"):
        containers.read_any(costly, SECRET.decode())


def test_all_parts_count_together():
    several = File().in_mac(pfx.MOST_IN_ALL // 2 - 1).in_certificates(pfx.MOST_IN_ALL // 2)
    pfx.refuse_costly(bytes(several.in_key(1)))
    with pytest.raises(BadContainer, match="would take too long"):
        pfx.refuse_costly(bytes(several.in_key(2)))


def test_long_derived_keys():
    with pytest.raises(BadContainer, match="would take too long"):
        pfx.refuse_costly(bytes(File().in_certificates(1, length=1_000_000)))


def test_the_mac_of_rfc_9579():
    file = File()
    derivation = rfc8018.PBKDF2_params()
    derivation["salt"]["specified"], derivation["iterationCount"] = b"12345678", 2**31
    scheme = rfc8018.PBES2_params()
    scheme["keyDerivationFunc"]["algorithm"] = rfc8018.id_PBKDF2
    scheme["keyDerivationFunc"]["parameters"] = encoder.encode(derivation)
    scheme["encryptionScheme"]["algorithm"] = rfc8018.id_hmacWithSHA256
    scheme["encryptionScheme"]["parameters"] = encoder.encode(univ.Null(""))
    identifier = file.file["macData"]["mac"]["digestAlgorithm"]
    identifier["algorithm"], identifier["parameters"] = "1.2.840.113549.1.5.14", encoder.encode(scheme)
    with pytest.raises(BadContainer, match="would take too long"):
        pfx.refuse_costly(bytes(file))


def test_keys_within_bags_within_bags():
    with pytest.raises(BadContainer, match="would take too long"):
        pfx.refuse_costly(bytes(File().in_key(2**31, nested=3)))
    for nested in (10, 1000):
        with pytest.raises(BadContainer, match="does not open: it is damaged"):
            pfx.refuse_costly(bytes(File().in_key(1, nested=nested)))


def test_an_unknown_derivation():
    file = File()
    part = next(part for part in file.parts if part["contentType"] == rfc5652.id_encryptedData)
    content, _ = decoder.decode(part["content"], asn1Spec=rfc5652.EncryptedData())
    algorithm = content["encryptedContentInfo"]["contentEncryptionAlgorithm"]
    scheme, _ = decoder.decode(algorithm["parameters"], asn1Spec=rfc8018.PBES2_params())
    scheme["keyDerivationFunc"]["algorithm"] = SCRYPT
    algorithm["parameters"] = encoder.encode(scheme)
    part["content"] = encoder.encode(content)
    with pytest.raises(BadContainer):
        pfx.refuse_costly(bytes(file))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x30\x00", b"0", b"hello", b"\x30\x80" * 50_000, b"\x24\x80" * 50_000, b"\xff" * 1000,
        b"\x30\x84\xff\xff\xff\xff", MODERN[:-1], MODERN[: len(MODERN) // 2], b"\x30\x03\x02\x01\x03",
    ],
)  # fmt: skip
def test_what_is_no_pkcs12(data):
    with ends(), pytest.raises(BadContainer, match="does not open"):
        pfx.refuse_costly(data)


def test_files_beyond_the_limit():
    with pytest.raises(BadContainer, match=f"longer than {pfx.LARGEST} bytes"):
        pfx.refuse_costly(MODERN + bytes(pfx.LARGEST))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_mutants_raise_nothing_else(data):
    mutant = bytearray(MODERN)
    for _ in range(data.draw(st.integers(1, 4))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadContainer):
        pfx.refuse_costly(bytes(mutant[: data.draw(st.integers(0, len(mutant)))] or mutant))
