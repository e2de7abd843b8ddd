"""OCSP as a responder: what is read, what is answered, and that nothing but BadQuestion is raised."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import ocsp, signing
from pki.errors import BadQuestion
from pki.subjects import Subject
from tests import pki_material
from tests.pki_material import material

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=12)


def asked(digest=None, nonce=None, extension=None, serial=None, issuer=None):
    """A request in DER about the leaf, or about any serial number."""
    issuer = (issuer or material().intermediate).certificate
    builder = library.OCSPRequestBuilder()
    if serial is None:
        builder = builder.add_certificate(material().leaf.certificate, issuer, digest or hashes.SHA1())
    else:
        builder = builder.add_certificate_by_hash(b"n" * 20, b"k" * 20, serial, hashes.SHA1())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.build().public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def signer():
    issuer, key = material().intermediate, pki_material.p256()
    draft = signing.draft(
        subject=Subject(common_name="OCSP").to_name(),
        public_key=key.public_key(),
        issuer=issuer.certificate,
        signer_public_key=issuer.key.public_key(),
        serial=77,
        not_before=NOW,
        not_after=NOW + timedelta(days=14),
        extensions=ocsp.RESPONDER,
    )
    return ocsp.Signer(signing.sign(draft, issuer.key), key)


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_whose_certificate_is_meant(digest):
    question = ocsp.read(asked(digest))
    assert question.serial == material().leaf.certificate.serial_number
    assert question.is_about(material().intermediate.certificate)
    assert not question.is_about(material().root.certificate)


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        (ocsp.Standing(known=True), library.OCSPCertStatus.GOOD),
        (ocsp.Standing(known=False), library.OCSPCertStatus.UNKNOWN),
        (
            ocsp.Standing(known=True, revoked_at=NOW, reason=x509.ReasonFlags.key_compromise),
            library.OCSPCertStatus.REVOKED,
        ),
        (
            ocsp.Standing(known=True, revoked_at=NOW, reason=x509.ReasonFlags.unspecified),
            library.OCSPCertStatus.REVOKED,
        ),
    ],
)
@pytest.mark.parametrize("nonce", [None, b"n", b"n" * 128])
def test_an_answer(standing, status, nonce, signer):
    question = ocsp.read(asked(hashes.SHA256(), nonce))
    der = ocsp.answer(question, standing, signer=signer, this_update=NOW, next_update=LATER)
    answer = library.load_der_ocsp_response(der)
    assert answer.certificate_status is status
    assert (answer.serial_number, answer.hash_algorithm.name) == (question.serial, "sha256")
    assert (answer.issuer_name_hash, answer.issuer_key_hash) == (question.issuer_name_hash, question.issuer_key_hash)
    assert (answer.this_update_utc, answer.next_update_utc) == (NOW, LATER)
    assert answer.responder_key_hash is not None
    assert answer.certificates == [signer.certificate]
    assert [value.value.nonce for value in answer.extensions] == ([] if nonce is None else [nonce])
    told = standing.reason if standing.reason is not x509.ReasonFlags.unspecified else None
    assert (answer.revocation_time_utc, answer.revocation_reason) == (standing.revoked_at, told)
    signer.certificate.public_key().verify(
        answer.signature, answer.tbs_response_bytes, pki_material.ec.ECDSA(hashes.SHA256())
    )


def test_the_certificate_of_a_responder(signer):
    found = signer.certificate.extensions
    assert list(found.get_extension_for_class(x509.ExtendedKeyUsage).value) == [x509.OID_OCSP_SIGNING]
    assert found.get_extension_for_class(x509.OCSPNoCheck)
    usage = found.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert not found.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"nonsense",
        asked()[:-1],
        asked() + b"\0",
        b"\x30" * (ocsp.LARGEST + 1),
        asked(nonce=b""),
        asked(nonce=b"n" * 129),
        asked(extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
        asked(serial=1 << 160),
        material().leaf.der,
    ],
    ids=range(11),
)
def test_what_is_no_question(data):
    with pytest.raises(BadQuestion):
        ocsp.read(data)


def test_two_questions_at_once_are_refused():
    one = asked()
    # SEQUENCE { tbsRequest SEQUENCE { requestList SEQUENCE { Request } } }, all lengths below 128
    request = one[6:]
    doubled = b"\x30" + bytes([len(request) * 2]) + request * 2 if len(request) < 64 else None
    assert doubled is None or len(doubled) < 130
    body = request * 2
    for _ in range(3):
        length = bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])
        body = b"\x30" + length + body
    with pytest.raises(BadQuestion, match="about one certificate"):
        ocsp.read(body)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, len(asked()) - 1), byte=st.integers(0, 255))
def test_mutants_are_read_or_refused(position, byte):
    data = bytearray(asked(nonce=b"12345678"))
    data[position] = byte
    try:
        ocsp.read(bytes(data))
    except BadQuestion as error:
        assert error.message


def test_questions_in_addresses():
    der = asked()
    text = base64.b64encode(der).decode()
    assert ocsp.from_path(text) == ocsp.from_path(text.rstrip("=")) == der
    for wrong in ("a*b", "é", "A" * (2 * ocsp.LARGEST + 1)):
        with pytest.raises(BadQuestion):
            ocsp.from_path(wrong)


def test_a_refusal_says_why():
    status = library.OCSPResponseStatus.TRY_LATER
    assert library.load_der_ocsp_response(ocsp.refusal(status)).response_status is status
