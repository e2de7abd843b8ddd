"""The outer shape of certificates and keys (RFC 5280, 4.1), for the few bytes that `cryptography` does not hand out."""

from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import UNREADABLE, BadCertificate


@asn1.sequence
class SubjectPublicKeyInfo:
    algorithm: asn1.TLV
    public_key: asn1.BitString


@asn1.sequence
class ToBeSigned:
    version: Annotated[int | None, asn1.Explicit(0)]
    serial: int
    signature_algorithm: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    public_key: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class SignedCertificate:
    to_be_signed: asn1.TLV
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


def public_key_info(certificate: x509.Certificate) -> bytes:
    """DER of the SubjectPublicKeyInfo as it stands in the certificate, also of keys the library does not know."""
    return asn1.encode_der(_inside(certificate)[1].public_key)


def subject(certificate: x509.Certificate) -> bytes:
    """DER of the subject as it stands in the certificate, over which OCSP identifies issuers (RFC 6960, 4.1.1)."""
    return asn1.encode_der(_inside(certificate)[1].subject)


def algorithms_agree(certificate: x509.Certificate) -> bool:
    """RFC 5280, 4.1.1.2: the algorithm beside the signature must be the one that was signed."""
    outside, inside = _inside(certificate)
    return asn1.encode_der(outside.signature_algorithm) == asn1.encode_der(inside.signature_algorithm)


def with_signature(certificate: x509.Certificate, signature: bytes) -> x509.Certificate:
    """The same to-be-signed bytes and algorithm under another signature."""
    shape = _inside(certificate)[0]
    signed = SignedCertificate(
        to_be_signed=shape.to_be_signed,
        signature_algorithm=shape.signature_algorithm,
        signature=asn1.BitString(signature, 0),
    )
    return x509.load_der_x509_certificate(asn1.encode_der(signed))


def subject_public_key(info: bytes) -> bytes:
    """The value of the BIT STRING subjectPublicKey, over which key identifiers are computed (RFC 5280, 4.2.1.2)."""
    return asn1.decode_der(SubjectPublicKeyInfo, info).public_key.as_bytes()


def _inside(certificate: x509.Certificate) -> tuple[SignedCertificate, ToBeSigned]:
    try:
        shape = asn1.decode_der(SignedCertificate, certificate.public_bytes(Encoding.DER))
        return shape, shape.to_be_signed.parse(ToBeSigned)
    except UNREADABLE as error:
        raise BadCertificate(f"The certificate is not well-formed DER: {error}.") from error
