import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki import containers, keys
from pki.errors import BadCertificate, BadContainer, BadKey, PkiError
from tests.pki_material import as_pem, material

pytestmark = pytest.mark.filterwarnings("ignore:PKCS#.*could not be parsed as DER:UserWarning")

PASSPHRASE = "correct horse ☃"
LEAVES = ["leaf", "rsa_leaf", "p384_leaf", "p521_leaf", "ed25519_leaf", "ed448_leaf"]
PBES2_OID, PBES1_3DES_OID = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d010c0103")


def leaf():
    return material().leaf


def p12(pair=None, passphrase=PASSPHRASE, **how):
    pair = pair or leaf()
    return containers.pkcs12("www.example.com", pair.key, pair.certificate, material().chain, passphrase, **how)


def same_key(one, other):
    return keys.belongs(one, other.public_key())


class TestPemBundle:
    def test_leaf_first_and_no_root(self):
        bundle = containers.pem_bundle(leaf().certificate, material().chain)
        assert bundle.decode() == as_pem(leaf().certificate, material().intermediate.certificate)

    def test_with_its_root_when_asked(self):
        bundle = containers.pem_bundle(leaf().certificate, material().chain, root=True)
        assert bundle.decode() == as_pem(leaf().certificate, *material().chain)

    def test_the_key_comes_last(self):
        bundle = containers.pem_bundle(leaf().certificate, material().chain, key=leaf().key)
        assert bundle.decode().endswith(keys.private_key_pem(leaf().key))
        found = containers.read_any(bundle)
        assert same_key(found.key, leaf().key)
        assert (found.certificate, found.chain) == (leaf().certificate, (material().intermediate.certificate,))

    def test_a_root_itself_stays(self):
        assert containers.pem_bundle(material().root.certificate, []).decode() == material().root.pem


class TestPkcs7:
    @pytest.mark.parametrize("der", [True, False])
    def test_round_trip(self, der):
        data = containers.pkcs7([leaf().certificate, *material().chain], der=der)
        assert data.startswith(b"\x30" if der else b"-----BEGIN PKCS7-----\n")
        found = containers.read_any(data)
        assert found == containers.Contents(None, leaf().certificate, material().chain)

    def test_nothing_to_write(self):
        with pytest.raises(BadContainer, match="PKCS#7 cannot be written"):
            containers.pkcs7([], der=True)


class TestPkcs12:
    @pytest.mark.parametrize("legacy", [True, False])
    @pytest.mark.parametrize("kind", LEAVES)
    def test_round_trip(self, kind, legacy):
        pair = getattr(material(), kind)
        found = containers.read_pkcs12(p12(pair, legacy=legacy), PASSPHRASE)
        assert same_key(found.key, pair.key)
        assert (found.certificate, found.chain) == (pair.certificate, material().chain)

    def test_is_under_aes_unless_it_must_be_old(self):
        assert PBES2_OID in p12()
        assert PBES1_3DES_OID not in p12()
        assert PBES1_3DES_OID in p12(legacy=True)
        assert PBES2_OID not in p12(legacy=True)

    def test_the_name_is_kept_for_those_who_show_it(self):
        assert pkcs12.load_pkcs12(p12(), PASSPHRASE.encode()).cert.friendly_name == b"www.example.com"

    def test_without_a_key(self):
        data = containers.pkcs12("", None, leaf().certificate, material().chain, PASSPHRASE)
        assert containers.read_pkcs12(data, PASSPHRASE) == containers.Contents(
            None, leaf().certificate, material().chain
        )

    def test_a_passphrase_is_needed(self):
        with pytest.raises(BadContainer, match="needs a passphrase") as caught:
            p12(passphrase="")
        assert caught.value.field == "passphrase"

    def test_kinds_of_keys_it_cannot_hold(self):
        with pytest.raises(BadContainer, match="PKCS#12 cannot hold a key of kind MLDSA65; export it as PEM"):
            p12(material().mldsa_leaf)

    @pytest.mark.parametrize("passphrase", ["wrong", "", None])
    def test_another_passphrase_does_not_open_it(self, passphrase):
        with pytest.raises(BadContainer, match="does not open"):
            containers.read_pkcs12(p12(), passphrase)

    @pytest.mark.parametrize(("text", "reason"), [("\ud800", "UTF-8"), ("a\0b", "NUL")])
    def test_passphrases_that_cannot_be(self, text, reason):
        for attempt in (
            lambda: p12(passphrase=text),
            lambda: containers.read_pkcs12(p12(), text),
            lambda: containers.read_any(
                b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----", text
            ),
        ):
            with pytest.raises(BadContainer, match=reason) as caught:
                attempt()
            assert caught.value.field == "passphrase"

    @pytest.mark.parametrize("passphrase", ["☃", "😀", "ü" * 500, " "])
    def test_passphrases_of_all_letters(self, passphrase):
        for legacy in (False, True):
            found = containers.read_pkcs12(p12(passphrase=passphrase, legacy=legacy), passphrase)
            assert found.certificate == leaf().certificate

    def test_a_name_that_cannot_be_written(self):
        with pytest.raises(BadContainer, match="cannot be written"):
            containers.pkcs12("\ud800", leaf().key, leaf().certificate, [], PASSPHRASE)

    def test_a_key_that_cannot_sign(self):
        # The library writes no such file, so the identifier of an Ed25519 key is changed into that of an X25519 one.
        pair = material().ed25519_leaf
        plain = pkcs12.serialize_key_and_certificates(None, pair.key, None, None, NoEncryption())
        changed = plain.replace(bytes.fromhex("06032b6570"), bytes.fromhex("06032b656e"))
        assert changed != plain
        with pytest.raises(BadContainer, match=r"does not open|cannot sign"):
            containers.read_pkcs12(changed, None)

    def test_the_key_decides_which_certificate_is_meant(self):
        others = [material().root.certificate, material().intermediate.certificate]
        data = pkcs12.serialize_key_and_certificates(
            None, leaf().key, None, [*others, leaf().certificate], BestAvailableEncryption(b"x")
        )
        found = containers.read_pkcs12(data, "x")
        assert (found.certificate, found.chain) == (leaf().certificate, material().chain)

    def test_a_key_alone(self):
        data = pkcs12.serialize_key_and_certificates(None, leaf().key, None, None, BestAvailableEncryption(b"x"))
        found = containers.read_pkcs12(data, "x")
        assert same_key(found.key, leaf().key)
        assert (found.certificate, found.chain) == (None, ())


class TestReadAny:
    def test_der(self):
        assert containers.read_any(leaf().der) == containers.Contents(None, leaf().certificate, ())

    def test_pkcs12(self):
        found = containers.read_any(p12(), PASSPHRASE)
        assert (found.certificate, found.chain) == (leaf().certificate, material().chain)

    def test_pem_in_any_order_with_text_between(self):
        parts = [as_pem(one) for one in (*material().chain, leaf().certificate)]
        found = containers.read_any("# bundle\n".join(parts).encode())
        assert (found.certificate, found.chain) == (leaf().certificate, material().chain)

    def test_what_is_no_part_of_the_path_is_left_out(self):
        text = as_pem(leaf().certificate, material().other_root.certificate, *material().chain)
        assert containers.read_any(text.encode()).chain == material().chain

    def test_a_bundle_of_roots(self):
        text = as_pem(material().root.certificate, material().other_root.certificate)
        assert containers.read_any(text.encode()) == containers.Contents(None, material().root.certificate, ())

    def test_an_encrypted_key_beside_its_certificate(self):
        key = leaf().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        found = containers.read_any(leaf().pem.encode() + key, "secret")
        assert same_key(found.key, leaf().key)
        with pytest.raises(BadKey, match="passphrase"):
            containers.read_any(leaf().pem.encode() + key)
        assert same_key(
            containers.read_any(leaf().pem.encode() + leaf().key_pem.encode(), "not needed").key, leaf().key
        )

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (lambda: leaf().pem + material().rsa_leaf.key_pem, "belongs to none of the certificates"),
            (lambda: leaf().key_pem + leaf().key_pem, "more than one private key"),
            (lambda: "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "neither a certificate nor a key"),
            (lambda: leaf().pem[:-20], "has no END line"),
            (lambda: leaf().pem * 51, "holds 51 certificates; at most 50"),
            (lambda: "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----", "PKCS#7 cannot be read"),
        ],
    )
    def test_pem_that_makes_no_sense(self, data, reason):
        with pytest.raises(BadContainer, match=reason):
            containers.read_any(data().encode())

    @pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x82", b"hello", b"\x30\x80\x04\x00", b"\x04\x02\x30\x00"])
    def test_neither_pem_nor_der(self, data):
        with pytest.raises(BadContainer, match="Neither PEM nor the DER"):
            containers.read_any(data)

    def test_broken_parts_are_refused_with_their_own_reason(self):
        unreadable = x509.load_der_x509_certificate(leaf().der.replace(b"www.example.com", b"\xff" * 15, 1))
        with pytest.raises(BadCertificate, match="subject cannot be read"):
            containers.read_any(as_pem(unreadable).encode())
        with pytest.raises(BadContainer, match="does not open"):
            containers.read_any(p12()[:-10], PASSPHRASE)
        with pytest.raises(BadContainer, match="PKCS#7 cannot be read"):
            containers.read_any(containers.pkcs7([leaf().certificate], der=True)[:-10])
        with pytest.raises(BadCertificate, match="Not a readable"):
            containers.read_any(leaf().der[:-10])


def test_no_repr_shows_the_key():
    found = containers.read_any(containers.pem_bundle(leaf().certificate, [], key=leaf().key))
    assert "key=" not in repr(found)


def test_a_signed_pkcs7_with_content_gives_its_certificates():
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(b"text")
        .add_signer(leaf().certificate, leaf().key, hashes.SHA256())
        .sign(Encoding.DER, [])
    )
    assert containers.read_any(signed).certificate == leaf().certificate


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), which=st.integers(0, 4))
def test_mutated_files_give_contents_or_a_pki_error(data, which):
    plain = pkcs12.serialize_key_and_certificates(b"x", leaf().key, leaf().certificate, [], NoEncryption())
    samples = [
        lambda: plain,
        p12,
        lambda: containers.pkcs7(material().chain, der=True),
        lambda: containers.pkcs7(material().chain, der=False),
        lambda: containers.pem_bundle(leaf().certificate, material().chain, key=leaf().key),
    ]
    changed = bytearray(samples[which]())
    # Not in the octets that say how often a key is derived: those decide how long this takes.
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, 450))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(changed), 0, 1, 3, 100, 449]))
    try:
        found = containers.read_any(bytes(changed[:cut]), PASSPHRASE if which == 1 else None)
    except PkiError:
        return
    assert found.certificate or found.key


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_junk_gives_a_pki_error(junk):
    for data in (junk, b"\x30\x82" + junk, b"\x30\x10\x02\x01\x03" + junk, b"\x30\x10\x06\x01" + junk):
        with pytest.raises(PkiError):
            containers.read_any(data)
