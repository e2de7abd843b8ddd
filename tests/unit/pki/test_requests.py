"""pki.requests: what we build is read back, what others send is fully read or refused, never fatal."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import keys, names, requests
from pki.errors import BadExtension, BadName, BadRequest, PkiError
from pki.extensions import PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage
from pki.subjects import Subject

KEYS = {name: keys.generate(keys.KEY_SPECS[name]) for name in ("RSA2048", "ECCPRIME256V1", "ECCSECP384R1", "ED25519")}
EC = KEYS["ECCPRIME256V1"]
SUBJECT = Subject(common_name="www.example.com", email="joe@example.com", organization="Example").to_name()
NOBODY = x509.Name([])
EXTENSIONS = Extensions(
    names=(names.parse("DNSName", "www.example.com"), names.parse("IPAddress", "192.0.2.1")),
    basic_constraints=BasicConstraints(ca=False),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({PURPOSES["server_authentication"]}),
    must_staple=True,
    custom=(Custom("1.2.3", b"\x05\x00"),),
)
PEM = requests.build(SUBJECT, EXTENSIONS, EC)
DER = x509.load_pem_x509_csr(PEM.encode()).public_bytes(Encoding.DER)


def pem_of(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"


def with_raw_extension(oid: str, value: str) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(SUBJECT)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value))
    return (
        builder.add_extension(extension, critical=False).sign(EC, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    )


class TestBuild:
    @pytest.mark.parametrize("name", KEYS)
    def test_round_trip_with_every_kind_of_key(self, name):
        request = requests.read(requests.build(SUBJECT, EXTENSIONS, KEYS[name]))
        assert request.subject == SUBJECT
        assert request.extensions == EXTENSIONS
        assert request.key_type == name
        assert keys.belongs(KEYS[name], request.public_key)

    def test_ml_dsa(self):
        key = mldsa.MLDSA44PrivateKey.generate()
        assert requests.read(requests.build(SUBJECT, Extensions(), key)).key_type == "MLDSA44"

    def test_the_names_of_a_nameless_subject_are_critical(self):
        for subject, critical in ((SUBJECT, False), (NOBODY, True)):
            csr = x509.load_pem_x509_csr(requests.build(subject, EXTENSIONS, EC).encode())
            assert csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is critical

    def test_signed_with_the_hash_of_the_key(self):
        csr = x509.load_pem_x509_csr(requests.build(SUBJECT, EXTENSIONS, KEYS["ECCSECP384R1"]).encode())
        assert isinstance(csr.signature_hash_algorithm, hashes.SHA384)

    @pytest.mark.parametrize(
        ("extensions", "error"),
        [
            (Extensions(custom=(Custom("2.5.29.19", b"\x30\x00"),)), BadExtension),
            (Extensions(names=(names.Name(names.NameType.NETWORK, "192.0.2.0/24"),)), BadName),
        ],
    )
    def test_what_cannot_be_written_is_refused(self, extensions, error):
        with pytest.raises(error):
            requests.build(SUBJECT, extensions, EC)


class TestRead:
    def test_pem_is_normalised(self):
        request = requests.read(f"Certificate Request:\n    Data:\n{PEM.replace(chr(10), chr(13) + chr(10))}bye")
        assert request.pem == PEM
        assert requests.read(request.pem.encode()).pem == PEM

    def test_the_old_label_is_known(self):
        assert requests.read(PEM.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")).pem == PEM

    @pytest.mark.parametrize(
        "text",
        ["", "nonsense", b"\x30\x00", "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----"],
    )
    def test_what_is_no_request_is_refused_with_the_text_of_the_contract(self, text):
        with pytest.raises(BadRequest, match=r"^CSR presented is not valid\.$") as caught:
            requests.read(text)
        assert caught.value.field == "csr"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (PEM + PEM, "exactly one CSR, but the text holds 2"),
            (PEM + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds a block 'CERTIFICATE'"),
            (keys.private_key_pem(EC) + PEM, "holds a block 'EC PRIVATE KEY'"),
            (PEM[:-10], "no END line"),
            (PEM + " " * requests.LONGEST, "longer than"),
        ],
    )
    def test_exactly_one_block(self, text, reason):
        with pytest.raises(BadRequest, match=reason) as caught:
            requests.read(text)
        assert "PRIVATE KEY-----" not in caught.value.message

    def test_a_request_for_the_key_of_another_is_refused(self):
        stolen = keys.generate(keys.KEY_SPECS["ECCPRIME256V1"]).public_key()
        spki = [key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in (EC.public_key(), stolen)]
        assert DER.count(spki[0]) == 1
        with pytest.raises(BadRequest, match="own signature does not verify"):
            requests.read(pem_of(DER.replace(*spki)))

    def test_a_changed_subject_is_refused(self):
        assert DER.count(b"www.example.com") == 2
        with pytest.raises(BadRequest, match="own signature does not verify"):
            requests.read(pem_of(DER.replace(b"www.example.com", b"www.example.org")))

    @pytest.mark.parametrize(
        ("oid", "value"),
        [
            ("2.5.29.17", "3003820180"),
            ("2.5.29.17", "3003a30161"),
            ("2.5.29.19", "300602020101ff"),
            ("2.5.29.37", "3000ff"),
            ("1.3.6.1.5.5.7.1.24", "3003020163"),
        ],
    )
    def test_broken_extensions_are_found_when_reading(self, oid, value):
        with pytest.raises(BadRequest, match="CSR presented is not valid"):
            requests.read(with_raw_extension(oid, value))

    def test_what_is_asked_is_reported_as_it_is(self):
        """Whether it may be is for the profile to say."""
        request = requests.read(with_raw_extension("2.5.29.19", "30030101ff"))
        assert request.extensions == Extensions(basic_constraints=BasicConstraints(ca=True))

    def test_names_are_read_in_the_form_that_would_be_issued(self):
        """Or a rule against bank.example would not see bank.example with a dot behind it."""
        wild = [x509.DNSName("Bank.EXAMPLE."), x509.DNSName("foo_bar.example"), x509.RFC822Name("Joe@A.example")]
        builder = x509.CertificateSigningRequestBuilder().subject_name(SUBJECT)
        builder = builder.add_extension(x509.SubjectAlternativeName(wild), critical=False)
        request = requests.read(builder.sign(EC, hashes.SHA256()).public_bytes(Encoding.PEM))
        assert [name.value for name in request.extensions.names] == ["bank.example", "foo_bar.example", "Joe@a.example"]

    def test_attributes_other_than_extensions_are_ignored(self):
        builder = x509.CertificateSigningRequestBuilder().subject_name(SUBJECT)
        builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"secret")
        pem = builder.sign(EC, hashes.SHA256()).public_bytes(Encoding.PEM)
        request = requests.read(pem)
        assert request.extensions == Extensions()
        assert "secret" not in repr(request)

    def test_an_overlong_common_name_can_be_read(self):
        with pytest.warns(UserWarning, match="length"):
            attribute = x509.NameAttribute(NameOID.COMMON_NAME, "x" * 100, _validate=False)
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([attribute])).sign(EC, hashes.SHA256())
        with pytest.warns(UserWarning, match="length"):
            request = requests.read(csr.public_bytes(Encoding.PEM))
        assert Subject.from_name(request.subject).common_name == "x" * 100

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_mutated_and_truncated_requests_raise_nothing_else(self, data):
        mutant = bytearray(DER[: data.draw(st.integers(0, len(DER)))] if data.draw(st.booleans()) else DER)
        for _ in range(data.draw(st.integers(0, 3))):
            if mutant:
                mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
        try:
            request = requests.read(pem_of(bytes(mutant)))
        except BadRequest:
            return
        assert bytes(mutant) == DER or keys.spki_sha256(request.public_key)

    @given(st.text() | st.binary(max_size=300))
    @settings(max_examples=100, deadline=None)
    def test_any_text_raises_nothing_else(self, text):
        with suppress(PkiError):
            requests.read(text)
