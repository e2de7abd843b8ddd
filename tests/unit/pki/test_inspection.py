import dataclasses
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import inspection, pem
from pki.asn1 import ToBeSigned
from pki.errors import BadCertificate, PkiError
from pki.names import Name, NameType
from tests import pki_material
from tests.endings import ends
from tests.pki_material import material

# The certificates of these tests break rules; that no warning comes of it is a test of its own.
pytestmark = [
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning"),
]

GARBAGE = "# subject: Größe\n\nCertificate:\n    Data:\n"


def facts_of(pair):
    return inspection.facts(pair.certificate)


def made(subject, *, extensions=(), **how):
    return pki_material.certificate(subject, pki_material.p256(), extensions=extensions, **how)


def alternative_names(*names):
    return [(x509.SubjectAlternativeName(names), False)]


def patched(der, old, new, *, at=0):
    """Bytes of the same length put in the place of an occurrence of others."""
    assert len(old) == len(new)
    position = -1
    for _ in range(at + 1):
        position = der.index(old, position + 1)
    return der[:position] + new + der[position + len(old) :]


class TestLoad:
    def test_pem_text_and_bytes_and_der(self):
        leaf = material().leaf
        assert inspection.load(leaf.pem) == inspection.load(leaf.pem.encode()) == inspection.load(leaf.der)

    @pytest.mark.parametrize(
        "dress",
        [
            lambda pem: "\n\n  " + pem + "\n \n",
            lambda pem: pem.replace("\n", "\r\n"),
            lambda pem: pem.strip(),
            lambda pem: GARBAGE + pem + GARBAGE,
            lambda pem: "\ufeff" + pem,
            lambda pem: "\ud800" + pem,
            lambda pem: pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        ],
    )
    def test_what_people_paste_around_it(self, dress):
        assert inspection.load(dress(material().leaf.pem)) == material().leaf.certificate

    def test_the_text_given_back_can_be_joined(self):
        leaf = material().leaf
        text = inspection.pem(leaf.certificate)
        assert text.startswith("-----BEGIN CERTIFICATE-----\n")
        assert text.endswith("\n-----END CERTIFICATE-----\n")
        assert inspection.load(text) == leaf.certificate

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("", 'has no line "-----BEGIN CERTIFICATE-----"'),
            ("MIIB", "has no line"),
            (b"", "malformed ASN.1 .ShortData."),
            (b"hello", "Not a readable X.509 certificate: malformed"),
            ("-----BEGIN CERTIFICATE-----\nMIIB", "has no END line"),
            ("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----", "its base64 is damaged"),
            ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "Not a readable X.509 certificate"),
        ],
    )
    def test_what_is_no_certificate(self, data, reason):
        with pytest.raises(BadCertificate, match=reason):
            inspection.load(data)

    def test_exactly_one(self):
        leaf = material().leaf
        with pytest.raises(BadCertificate, match="exactly one certificate, but the text holds 2"):
            inspection.load(leaf.pem + material().root.pem)
        with pytest.raises(BadCertificate, match="ExtraData"):
            inspection.load(leaf.der + leaf.der)

    def test_a_private_key_beside_it_is_refused_by_its_kind_alone(self):
        leaf = material().leaf
        with pytest.raises(BadCertificate, match="also holds a block 'PRIVATE KEY'") as caught:
            inspection.load(leaf.pem + leaf.key_pem)
        assert leaf.key_pem.splitlines()[1] not in str(caught.value)

    def test_something_else_in_pem(self):
        with pytest.raises(BadCertificate, match="also holds a block 'PRIVATE KEY'"):
            inspection.load(material().leaf.key_pem)

    @pytest.mark.parametrize(
        "bomb",
        [
            "-----BEGIN CERTIFICATE-----\n" * 9_000,
            "-----BEGIN CERTIFICATE-----\n" + "A" * 256_000 + "\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" * 4_700,
            b"\x30\x80" * 128_000,
            b"\x30\x83\x03\xff\xff" * 50_000,
        ],
    )
    def test_bombs_take_no_time(self, bomb):
        with ends(), pytest.raises(BadCertificate):
            inspection.load(bomb)


class TestFacts:
    def test_of_a_server_certificate(self):
        leaf, issuer = material().leaf, material().intermediate
        info = leaf.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()).key_identifier
        found = facts_of(leaf)
        assert dataclasses.asdict(found) | {"extensions": None, "names": None} == {
            "cn": "www.example.com",
            "names": None,
            "san": True,
            "domains": ("www.example.com", "example.com"),
            "serial": leaf.certificate.serial_number,
            "issuer": "ExampleIssuingCA",
            "not_before": leaf.certificate.not_valid_before_utc,
            "not_after": leaf.certificate.not_valid_after_utc,
            "bits": 256,
            "key_type": "ECCPRIME256V1",
            "signing_algorithm": "sha256",
            "fingerprint": sha256(leaf.der).hexdigest(),
            "spki_sha256": sha256(info).hexdigest(),
            "subject": "CN=www.example.com",
            "issuer_name": "O=Example Inc,CN=Example Issuing CA",
            "self_signed": False,
            "is_ca": False,
            "path_length": None,
            "extensions": None,
            "subject_key_identifier": "",
            "authority_key_identifier": key_id.hex(),
            "authority_key_issuer": "",
            "crl_points": (),
            "extension_oids": frozenset({one.oid.dotted_string for one in leaf.certificate.extensions}),
        }
        assert found.names == (Name(NameType.DNS, "www.example.com"), Name(NameType.DNS, "example.com"))
        assert found.extensions.names == found.names
        assert found.not_before.tzinfo is UTC

    def test_of_authorities(self):
        root, intermediate = facts_of(material().root), facts_of(material().intermediate)
        assert (root.is_ca, root.path_length, root.self_signed, root.issuer) == (True, None, True, "<selfsigned>")
        assert (intermediate.is_ca, intermediate.path_length, intermediate.self_signed) == (True, 0, False)
        assert intermediate.authority_key_identifier == root.subject_key_identifier
        assert (root.names, root.san, root.domains) == ((), None, ())

    @pytest.mark.parametrize(
        ("leaf", "key_type", "bits"),
        [
            ("rsa_leaf", "RSA2048", 2048),
            ("p384_leaf", "ECCSECP384R1", 384),
            ("p521_leaf", "ECCSECP521R1", 521),
            ("ed25519_leaf", "ED25519", 256),
            ("ed448_leaf", "ED448", 456),
            ("mldsa_leaf", "MLDSA65", None),
            ("dsa_leaf", None, 2048),
        ],
    )
    def test_of_every_kind_of_key(self, leaf, key_type, bits):
        found = facts_of(getattr(material(), leaf))
        assert (found.key_type, found.bits, found.signing_algorithm) == (key_type, bits, "sha256")

    @pytest.mark.parametrize(
        ("signer", "how", "algorithm"),
        [
            ("leaf", {"digest": hashes.SHA512()}, "sha512"),
            ("rsa_leaf", {"digest": hashes.SHA3_384()}, "sha3-384"),
            (
                "rsa_leaf",
                {"rsa_padding": padding.PSS(padding.MGF1(hashes.SHA384()), 48), "digest": hashes.SHA384()},
                "sha384",
            ),
            ("ed25519_leaf", {}, "ed25519"),
            ("ed448_leaf", {}, "ed448"),
            ("mldsa_leaf", {}, "ml-dsa-65"),
            ("dsa_leaf", {}, "sha256"),
        ],
    )
    def test_of_every_kind_of_signature(self, signer, how, algorithm):
        issuer = getattr(material(), signer)
        issued = pki_material.certificate(pki_material.name("x"), pki_material.p256(), issuer, **how)
        assert inspection.facts(issued).signing_algorithm == algorithm

    @pytest.mark.parametrize(
        ("names", "san", "domains"),
        [
            (["a.example"], None, ("a.example",)),
            (["10.0.0.1", "a.example", "::1", "b.example"], True, ("a.example", "b.example", "10.0.0.1", "::1")),
            (["a.example", "a.example"], True, ("a.example",)),
            (["A.Example"], None, ("a.example",)),
            (["https://a.example/", "me@a.example", "a.example"], None, ("a.example",)),
            (["me@a.example"], None, ()),
        ],
    )
    def test_domains(self, names, san, domains):
        found = inspection.facts(
            made(pki_material.name("x"), extensions=alternative_names(*map(pki_material.general_name, names)))
        )
        assert (found.san, found.domains) == (san, domains)
        assert len(found.names) == len(names)

    @pytest.mark.parametrize(
        ("subject", "cn"),
        [
            (pki_material.name(" spaced "), "spaced"),
            (pki_material.name(" "), None),
            (pki_material.name(organization_name="Only Inc"), None),
            (pki_material.name("first", common_name="second"), "first"),
            (pki_material.name("Größe ☃ 名前"), "Größe ☃ 名前"),
        ],
    )
    def test_common_name(self, subject, cn):
        assert inspection.facts(made(subject)).cn == cn


def facts_of_der(der):
    return inspection.facts(inspection.load(der))


def with_serial(octet):
    der = made(pki_material.name("x"), serial=0x7F).public_bytes(Encoding.DER)
    return patched(der, b"\x02\x01\x7f", b"\x02\x01" + bytes([octet]))


def long_country():
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DEU", _validate=False)])


class TestOddCertificates:
    """What old roots and other people's software made: to be kept track of all the same."""

    @pytest.mark.parametrize(("octet", "serial"), [(0, 0), (0xFF, -1), (0x80, -128)])
    def test_serial_numbers_of_zero_and_less(self, octet, serial):
        assert facts_of_der(with_serial(octet)).serial == serial

    def test_version_1(self):
        found = inspection.facts(x509.load_der_x509_certificate(as_version_1(material().self_signed_leaf.certificate)))
        assert (found.cn, found.names, found.is_ca) == ("selfie.example.org", (), False)

    def test_an_unknown_signature_algorithm_is_shown_by_its_identifier(self):
        known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04037f")
        found = inspection.facts(inspection.load(material().root.der.replace(known, unknown)))
        assert found.signing_algorithm == "1.2.840.10045.4.3.127"
        assert found.self_signed

    def test_a_key_of_an_unknown_kind_has_no_type_but_a_hash(self):
        info = material().leaf.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        strange = patched(info, bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d027f"))
        found = inspection.facts(inspection.load(patched(material().leaf.der, info, strange)))
        assert (found.key_type, found.bits, found.spki_sha256) == (None, None, sha256(strange).hexdigest())
        assert not found.self_signed

    def test_an_empty_subject(self):
        found = facts_of(material().leaf_with(cn="", names=["a.example"]))
        assert (found.cn, found.subject, found.domains) == (None, "", ("a.example",))

    def test_a_country_of_three_letters(self):
        assert inspection.facts(made(long_country())).subject == "C=DEU"

    @pytest.mark.parametrize("odd", [lambda: with_serial(0), lambda: made(long_country()).public_bytes(Encoding.DER)])
    def test_no_warning_is_given_of_what_is_accepted(self, odd):
        # In a process of its own: pytest puts the filters back that an import adds.
        program = "import sys; from pki import inspection; inspection.facts(inspection.load(sys.stdin.buffer.read()))"
        root = Path(__file__).parents[3]
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], input=odd(), cwd=root, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")

    def test_a_validity_to_the_end_of_the_calendar(self):
        end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert inspection.facts(made(pki_material.name("x"), not_after=end)).not_after == end

    def test_every_root_that_is_trusted_here(self):
        found = [inspection.facts(certificate) for certificate in trusted_roots()]
        assert len(found) > 100
        assert all(fact.self_signed and fact.issuer == "<selfsigned>" for fact in found)
        assert all(fact.key_type and fact.is_ca for fact in found)


@cache
def trusted_roots():
    text = Path(certifi.where()).read_bytes()
    system = [path.read_bytes() for path in sorted(Path("/etc/ssl/certs").glob("*.pem"))]
    ours = [inspection.load_block(block) for block in pem.blocks(text)]
    return {*ours, *map(inspection.load, system)}


def as_version_1(certificate):
    """The same without version and extensions; the signature is wrong then."""
    der, signed = certificate.public_bytes(Encoding.DER), certificate.tbs_certificate_bytes
    shape = asn1.decode_der(ToBeSigned, signed)
    shape.version = shape.extensions = None
    body = asn1.encode_der(shape) + der[der.index(signed) + len(signed) :]
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


class TestUnreadable:
    """They parse, and raise when a part is read: refused with the part and a reason."""

    @pytest.mark.parametrize(
        ("old", "new", "part"),
        [
            (b"www.example.com", b"\xff" * 15, "subject"),
            (b"Example Issuing CA", b"\xff" * 18, "issuer"),
            (bytes.fromhex("0603551d25"), bytes.fromhex("0603551d0f"), "extensions"),
        ],
    )
    def test_the_part_is_named(self, old, new, part):
        der = patched(material().leaf.der, old, new)
        certificate = inspection.load(der)
        with pytest.raises(BadCertificate, match=f"^The certificate's {part} cannot be read: .*[^.]\\.$"):
            inspection.facts(certificate)

    def test_a_point_that_is_not_on_its_curve(self):
        point = material().leaf.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        certificate = inspection.load(patched(material().leaf.der, point, point[:1] + bytes(64)))
        with pytest.raises(BadCertificate, match="public key cannot be read"):
            inspection.facts(certificate)


class TestNotStorable:
    def test_a_common_name_that_is_too_long(self):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a" * 129, _validate=False)])
        with pytest.raises(BadCertificate, match="common name is 129 characters long; 128 can be stored"):
            inspection.facts(made(name))

    def test_a_domain_that_is_too_long(self):
        extensions = alternative_names(x509.DNSName("a.example"), x509.DNSName("a" * 257))
        with pytest.raises(BadCertificate, match="longest domain is 257 characters"):
            inspection.facts(made(pki_material.name("x"), extensions=extensions))

    def test_a_serial_number_that_is_too_long(self):
        der = made(pki_material.name("x")).public_bytes(Encoding.DER)
        signed = inspection.load(der).tbs_certificate_bytes
        shape = asn1.decode_der(ToBeSigned, signed)
        for octets, fits in ((52, True), (53, False), (3000, False)):
            shape.serial = 1 << (8 * octets - 1)
            body = asn1.encode_der(shape) + der[der.index(signed) + len(signed) :]
            long = inspection.load(b"\x30\x82" + len(body).to_bytes(2, "big") + body)
            if fits:
                assert len(str(inspection.facts(long).serial)) <= 128
                continue
            with pytest.raises(BadCertificate, match="serial number is longer than 52 octets"):
                inspection.facts(long)

    @pytest.mark.parametrize("where", ["subject", "names"])
    def test_a_nul_in_a_name(self, where):
        forged = "www.bank.example\0.evil.example"
        certificate = (
            made(pki_material.name(forged))
            if where == "subject"
            else made(pki_material.name("x"), extensions=alternative_names(x509.DNSName(forged)))
        )
        with pytest.raises(BadCertificate, match="NUL"):
            inspection.facts(certificate)


@cache
def samples():
    m = material()
    pairs = (
        m.root,
        m.leaf,
        m.rsa_leaf,
        m.ed25519_leaf,
        m.wildcard_leaf,
        m.dsa_leaf,
        m.leaf_with(names=["10.1.2.3", "::1"]),
    )
    return [pair.der for pair in pairs]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_certificates_give_facts_or_a_pki_error(data):
    der = bytearray(data.draw(st.sampled_from(samples())))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    facts_or_error(bytes(der))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_truncated_and_stretched_certificates_give_a_pki_error(data):
    der = data.draw(st.sampled_from(samples()))
    cut = data.draw(st.integers(0, len(der) - 1))
    for changed in (der[:cut], der + der[:cut] + b"\0", der[:cut] + der[cut + 1 :]):
        facts_or_error(changed)
    text = pki_material.as_pem(inspection.load(der))
    facts_or_error(text[: data.draw(st.integers(0, len(text) - 1))])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_junk_gives_a_pki_error(junk):
    with pytest.raises(PkiError):
        inspection.load(junk)


def facts_or_error(data):
    try:
        found = inspection.facts(inspection.load(data))
    except PkiError:
        return
    for text in (found.cn or "", found.subject, found.issuer_name, found.issuer, *found.domains):
        text.encode("utf-8")
    assert len(str(found.serial)) <= 128


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (0x0A, "A"), (0xAFF2DB4F, "AFF2DB4F"), (-0x1F, "-1F"), (1 << 159, "8" + "0" * 39)]
)
def test_serial_hex(number, text):
    assert inspection.serial_hex(number) == text


def test_fingerprint_is_the_sha256_of_the_der():
    leaf = material().leaf
    assert inspection.fingerprint(leaf.certificate) == sha256(leaf.der).hexdigest()
