import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding

from pki import signatures
from tests import pki_material
from tests.pki_material import Pair, material

LEAVES = ["leaf", "rsa_leaf", "p384_leaf", "p521_leaf", "ed25519_leaf", "ed448_leaf", "mldsa_leaf", "dsa_leaf"]


def signed_by(signer, **how):
    """A certificate under the signature of this leaf's key, whatever leaves may do."""
    return pki_material.certificate(pki_material.name("child"), pki_material.p256(), signer, **how)


def public_key(pair):
    return pair.key.public_key()


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_kind_of_signature_is_checked(leaf):
    signer = getattr(material(), leaf)
    child = signed_by(signer)
    assert signatures.is_signed_with(child, public_key(signer)) is True
    assert signatures.is_signed_with(child, public_key(material().root)) is False


@pytest.mark.parametrize("digest", [hashes.SHA224(), hashes.SHA384(), hashes.SHA512(), hashes.SHA3_256()])
@pytest.mark.parametrize("leaf", ["leaf", "rsa_leaf"])
def test_every_digest_is_checked(leaf, digest):
    signer = getattr(material(), leaf)
    assert signatures.is_signed_with(signed_by(signer, digest=digest), public_key(signer)) is True


def test_pss_is_checked():
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    child = signed_by(material().rsa_leaf, rsa_padding=pss)
    assert signatures.is_signed_with(child, public_key(material().rsa_leaf)) is True
    other = rsa.generate_private_key(65537, 2048)
    assert signatures.is_signed_with(child, other.public_key()) is False


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("other", LEAVES)
def test_a_key_of_another_kind_signed_nothing(leaf, other):
    if leaf != other:
        child = signed_by(getattr(material(), leaf))
        assert signatures.is_signed_with(child, public_key(getattr(material(), other))) is False


def test_a_key_that_cannot_sign_signed_nothing():
    key = x25519.X25519PrivateKey.generate().public_key()
    assert signatures.is_signed_with(material().leaf.certificate, key) is False


def test_an_altered_certificate_is_not_signed():
    der = material().leaf.der
    position = der.index(b"www.example.com")
    altered = x509.load_der_x509_certificate(der[:position] + b"WWW" + der[position + 3 :])
    assert signatures.is_signed_with(altered, public_key(material().intermediate)) is False


def test_the_algorithm_beside_the_signature_must_be_the_signed_one():
    root = material().root
    der = root.der
    ecdsa_with_sha256, ecdsa_with_sha384 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303")
    position = der.rindex(ecdsa_with_sha256)
    assert position > der.index(ecdsa_with_sha256)
    changed = x509.load_der_x509_certificate(der[:position] + ecdsa_with_sha384 + der[position + 8 :])
    assert signatures.is_signed_with(changed, public_key(root)) is False


def test_an_unknown_algorithm_is_neither_right_nor_wrong():
    root = with_unknown_algorithm(material().root)
    assert signatures.is_signed_with(root, public_key(material().root)) is None


class TestSelfSigned:
    def test_roots_and_self_made_leaves_are(self):
        assert signatures.is_self_signed(material().root.certificate)
        assert signatures.is_self_signed(material().self_signed_leaf.certificate)

    def test_issued_ones_are_not(self):
        assert not signatures.is_self_signed(material().leaf.certificate)
        assert not signatures.is_self_signed(material().intermediate.certificate)

    def test_the_same_name_alone_is_not_enough(self):
        root = material().root
        key = pki_material.p256()
        renewed = pki_material.certificate(root.certificate.subject, key, root)
        assert renewed.issuer == renewed.subject
        assert not signatures.is_self_signed(renewed)

    def test_where_it_cannot_be_checked_the_names_decide(self):
        assert signatures.is_self_signed(with_unknown_algorithm(material().root))
        assert not signatures.is_self_signed(with_unknown_algorithm(material().leaf))


def with_unknown_algorithm(pair: Pair) -> x509.Certificate:
    """ecdsa-with-SHA256 replaced by an identifier of the same length nobody knows, inside and outside."""
    known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04037f")
    return x509.load_der_x509_certificate(pair.certificate.public_bytes(Encoding.DER).replace(known, unknown))
