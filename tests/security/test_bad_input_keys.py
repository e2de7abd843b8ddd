"""Weak keys: in a request always refused, in an import where the key is known to be broken; sound keys never."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys
from tests import pki_material
from tests.pki_material import Pair, as_pem, certificate, key_as_pem, material, name
from tests.security import weak_keys
from tests.security.bad_input import ORDERS, Answer, armoured, door, uploaded
from tests.security.weak_keys import COMPROMISED, EXPONENT
from tests.security.world import World

pytestmark = pytest.mark.django_db

WEAK = {
    "RSA-1024": (lambda: rsa.generate_private_key(EXPONENT, 1024), "needs at least 2048 bits, this one has 1024"),
    "RSA-2047": (lambda: rsa.generate_private_key(EXPONENT, 2047), "needs at least 2048 bits, this one has 2047"),
    "exponent 3": (lambda: rsa.generate_private_key(3, 2048), "must be odd and at least 65537"),
    "exponent 17": (
        lambda: weak_keys.private_key(*weak_keys.primes_for(17), 17), "must be odd and at least 65537",
    ),
    "P-192": (lambda: ec.generate_private_key(ec.SECP192R1()), "the curve secp192r1 has fewer than 224 bits"),
    "DSA": (lambda: dsa.generate_private_key(2048), "DSA keys are not accepted"),
}  # fmt: skip
SOUND = {
    "RSA-2048": lambda: material().rsa_leaf.key,
    "RSA-3072": lambda: rsa.generate_private_key(EXPONENT, 3072),
    "P-256": pki_material.p256,
    "P-384": lambda: material().p384_leaf.key,
    "P-521": lambda: material().p521_leaf.key,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def request(key: Any) -> str:
    """A CSR for www.example.org."""
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("www.example.org"))
    return builder.sign(key, digest).public_bytes(Encoding.PEM).decode()


def ordered(csr: str, world: World) -> Answer:
    one = door(world, f"POST {ORDERS}")
    return one.ask({**one.body, "csr": csr})


@pytest.mark.parametrize("kind", COMPROMISED)
def test_compromised_keys(kind: str, world: World) -> None:
    """In a request, in an import with and without the key, and in a CA that is taken over."""
    key = COMPROMISED[kind]()
    says = f"The key is known to be compromised ({kind})"
    assert not ordered(request(key), world).refused(naming="csr", saying=says)
    leaf = material().leaf_with(cn="weak.example.org", key=key)
    assert not uploaded(leaf.pem, world).refused(naming="body", saying=says)
    ca = certificate(name("Weak CA"), key, extensions=pki_material.ca_extensions(key))
    one = door(world, "POST /api/1/authorities/import")
    # Such a private key is refused as well, for what it is.
    answer = one.ask({**one.body, "body": as_pem(ca), "privateKey": key_as_pem(key)})
    assert not answer.refused()


@pytest.mark.parametrize(("made", "says"), WEAK.values(), ids=WEAK)
def test_weak_keys_are_not_certified(made: Any, says: str, world: World) -> None:
    assert not ordered(request(made()), world).refused(naming="csr", saying=says)


@pytest.mark.parametrize(("made", "says"), WEAK.values(), ids=WEAK)
def test_certificates_with_weak_keys_are_watched(made: Any, says: str, world: World) -> None:
    """They exist; who does not know them cannot replace them."""
    leaf = material().leaf_with(cn="old.example.org", key=made())
    assert uploaded(leaf.pem, world).status == 200


def test_kinds_that_no_profile_allows(world: World) -> None:
    for key in (
        ed448.Ed448PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.BrainpoolP256R1()),
    ):
        assert not ordered(request(key), world).refused(naming="keyType", saying="does not allow")
    for key in (rsa.generate_private_key(EXPONENT, 2560),):
        assert not ordered(request(key), world).refused(naming="keyType", saying="does not allow RSA2560 keys")


def with_exponent(octets: str) -> bytes:
    """A certificate of an RSA key with another public exponent, three octets long."""
    der = material().rsa_leaf.der
    assert der.count(bytes.fromhex("0203010001")) == 1
    return der.replace(bytes.fromhex("0203010001"), bytes.fromhex("0203" + octets))


@pytest.mark.parametrize("octets", ["010000", "010002", "000001", "000003", "ff0001", "7ffffe"])
def test_exponents_that_cannot_be(octets: str, world: World) -> None:
    """Even, one, not minimal, negative: nothing can be read from such a key."""
    answer = uploaded(armoured("CERTIFICATE", with_exponent(octets)), world)
    assert not answer.refused(naming="body", saying="The certificate's public key cannot be read")


def with_unknown_curve(pair: Pair) -> bytes:
    """The same certificate, of a key on a curve that nobody knows."""
    known, unknown = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")
    assert pair.der.count(known) == 1
    return pair.der.replace(known, unknown)


def test_keys_of_unknown_kinds(world: World) -> None:
    """A certificate is watched whatever its key; a CA whose key we cannot use cannot be taken over."""
    text = armoured("CERTIFICATE", with_unknown_curve(material().leaf))
    assert uploaded(text, world).status == 200
    assert not uploaded(text, world, privateKey=material().leaf.key_pem).refused()
    one = door(world, "POST /api/1/authorities/import")
    ca = material().root
    answer = one.ask({**one.body, "body": armoured("CERTIFICATE", with_unknown_curve(ca)), "privateKey": ca.key_pem})
    assert not answer.refused()


def test_moduli_without_sense(world: World) -> None:
    for modulus in (2**2048 - 1, 2**2047, 2**2047 + 1, 3 * 2**2046 + 3, (1 << 16_383) + 1):
        numbers = rsa.RSAPublicNumbers(EXPONENT, modulus | 1)
        leaf = public_key_certificate(numbers.public_key())
        answer = uploaded(leaf, world)
        assert not answer.refused(naming="body", saying="known to be compromised"), modulus


def public_key_certificate(key: Any) -> str:
    """A certificate for a key of which nobody has the private half."""
    issuer = material().intermediate
    builder = x509.CertificateBuilder(issuer.certificate.subject, name("x.example.org"), key, 5)
    builder = builder.not_valid_before(pki_material.now()).not_valid_after(issuer.certificate.not_valid_after_utc)
    return as_pem(builder.sign(issuer.key, hashes.SHA256()))


def test_two_hundred_fresh_keys_pass() -> None:
    """What finds broken keys must find nothing in sound ones."""
    for modulus in weak_keys.fresh_moduli(200):
        keys.check_strength(rsa.RSAPublicNumbers(EXPONENT, modulus).public_key())


@pytest.mark.parametrize("made", SOUND.values(), ids=SOUND)
def test_sound_keys_are_certified_and_taken_in(made: Any, world: World) -> None:
    key = made()
    assert ordered(request(key), world).status == 200
    leaf = material().leaf_with(cn="sound.example.org", key=key)
    assert uploaded(leaf.pem, world, privateKey=leaf.key_pem).status == 200
