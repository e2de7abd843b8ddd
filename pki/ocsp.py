"""OCSP as a responder sees it (RFC 6960, RFC 9654): reads a question, writes the answer."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPResponseStatus

from pki import asn1
from pki.errors import UNREADABLE, BadQuestion
from pki.extensions import PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage
from pki.keys import PrivateKey, hash_for

LARGEST: Final = 4096
"""Bytes of a request: about a hundred are usual, a signed one with its certificate has 2,000 or 3,000."""
LONGEST_NONCE: Final = 128
LONGEST_SERIAL: Final = 160
_HASHES: Final[dict[str, type[HashAlgorithm]]] = {
    "sha1": SHA1, "sha256": SHA256, "sha384": SHA384, "sha512": SHA512,
}  # fmt: skip

RESPONDER: Final = Extensions(
    basic_constraints=BasicConstraints(ca=False),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({PURPOSES["ocsp_signing"]}),
    # id-pkix-ocsp-nocheck: its own revocation is not asked about while it lives, which is short (RFC 6960, 4.2.2.2.1).
    custom=(Custom("1.3.6.1.5.5.7.48.1.5", b"\x05\x00"),),
)
"""What the certificate of a delegated responder says."""


@dataclass(frozen=True)
class Question:
    """Which certificate is asked about: its serial number, and its issuer by the digests of name and key."""

    serial: int
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    digest: str
    nonce: bytes | None = None

    def is_about(self, issuer: x509.Certificate) -> bool:
        """Whether this certificate authority is meant."""
        return (self.issuer_name_hash, self.issuer_key_hash) == _identity(issuer, self.digest)


@dataclass(frozen=True)
class Standing:
    """What the authority says of a certificate; without `known` it has never used that serial number."""

    known: bool
    revoked_at: datetime | None = None
    reason: x509.ReasonFlags | None = None


@dataclass(frozen=True)
class Signer:
    """Who answers: a certificate that the issuer has delegated this to, and its key."""

    certificate: x509.Certificate
    key: PrivateKey


def read(data: bytes) -> Question:
    """The one question of a request; its signature, if it has one, says nothing here. Raises BadQuestion.

    Requests about several certificates are refused, so that one request is one look-up and one signature (RFC 9919).
    """
    if len(data) > LARGEST:
        raise BadQuestion(f"An OCSP request may have {LARGEST} bytes at most.")
    try:
        request = ocsp.load_der_ocsp_request(data)
        question = Question(
            serial=request.serial_number,
            issuer_name_hash=request.issuer_name_hash,
            issuer_key_hash=request.issuer_key_hash,
            digest=request.hash_algorithm.name,
            nonce=_nonce(request.extensions),
        )
    except BadQuestion:
        raise
    except UNREADABLE as error:
        raise BadQuestion(f"Not an OCSP request about one certificate: {error}.") from error
    if question.digest not in _HASHES or question.serial.bit_length() > LONGEST_SERIAL:
        raise BadQuestion("The OCSP request names a certificate in a way that is unknown here.")
    return question


def from_path(text: str) -> bytes:
    """The request of a GET: base64 at the end of the address, without escapes (RFC 6960, A.1). Raises BadQuestion."""
    if len(text) > 2 * LARGEST:
        raise BadQuestion(f"An OCSP request may have {LARGEST} bytes at most.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadQuestion("An OCSP request in an address is written in base64.") from error


def answer(
    question: Question, standing: Standing, *, signer: Signer, this_update: datetime, next_update: datetime
) -> bytes:
    """The signed answer in DER: for the same nonce if there is one, with the responder's certificate in it."""
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=question.issuer_name_hash,
        issuer_key_hash=question.issuer_key_hash,
        serial_number=question.serial,
        algorithm=_HASHES[question.digest](),
        cert_status=_status(standing),
        this_update=this_update,
        next_update=next_update,
        revocation_time=standing.revoked_at,
        revocation_reason=None if standing.reason is x509.ReasonFlags.unspecified else standing.reason,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    builder = builder.certificates([signer.certificate])
    if question.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
    signed = builder.sign(signer.key, hash_for(signer.key.public_key()))
    return signed.public_bytes(Encoding.DER)


def refusal(status: OCSPResponseStatus) -> bytes:
    """An answer that says why there is none; it is not signed."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _nonce(extensions: x509.Extensions) -> bytes | None:
    nonce = None
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            nonce = extension.value.nonce
        elif extension.critical:
            raise BadQuestion(f"The critical extension {extension.oid.dotted_string} is unknown here.")
    if nonce is not None and not 1 <= len(nonce) <= LONGEST_NONCE:
        raise BadQuestion(f"A nonce has 1 to {LONGEST_NONCE} octets (RFC 9654, 2.1).")
    return nonce


def _status(standing: Standing) -> ocsp.OCSPCertStatus:
    if not standing.known:
        return ocsp.OCSPCertStatus.UNKNOWN
    return ocsp.OCSPCertStatus.GOOD if standing.revoked_at is None else ocsp.OCSPCertStatus.REVOKED


@lru_cache(maxsize=1024)
def _identity(issuer: x509.Certificate, digest: str) -> tuple[bytes, bytes]:
    key = asn1.subject_public_key(asn1.public_key_info(issuer))
    return _hashed(asn1.subject(issuer), digest), _hashed(key, digest)


def _hashed(data: bytes, digest: str) -> bytes:
    hashing = Hash(_HASHES[digest]())
    hashing.update(data)
    return hashing.finalize()
