from hashlib import sha1

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import asn1
from tests.pki_material import material

LEAVES = ["root", "leaf", "rsa_leaf", "ed25519_leaf", "mldsa_leaf", "dsa_leaf"]


def info(pair):
    return pair.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("leaf", LEAVES)
def test_the_key_as_it_stands_in_the_certificate(leaf):
    pair = getattr(material(), leaf)
    assert asn1.public_key_info(pair.certificate) == info(pair)


@pytest.mark.parametrize("leaf", LEAVES)
def test_the_bits_key_identifiers_are_made_of(leaf):
    pair = getattr(material(), leaf)
    expected = x509.SubjectKeyIdentifier.from_public_key(pair.key.public_key()).digest
    assert sha1(asn1.subject_public_key(info(pair))).digest() == expected  # noqa: S324  RFC 5280, 4.2.1.2, method 1


@pytest.mark.parametrize("leaf", LEAVES)
def test_another_signature_over_the_same_bytes(leaf):
    certificate = getattr(material(), leaf).certificate
    other = asn1.with_signature(certificate, b"another")
    assert other.signature == b"another"
    assert other.tbs_certificate_bytes == certificate.tbs_certificate_bytes
    assert other.signature_algorithm_oid == certificate.signature_algorithm_oid
    assert asn1.with_signature(other, certificate.signature) == certificate


def test_the_two_algorithm_identifiers_are_compared():
    certificate = material().root.certificate
    der = certificate.public_bytes(Encoding.DER)
    position = der.rindex(bytes.fromhex("2a8648ce3d040302"))
    changed = x509.load_der_x509_certificate(der[: position + 7] + b"\x03" + der[position + 8 :])
    assert asn1.algorithms_agree(certificate)
    assert not asn1.algorithms_agree(changed)
