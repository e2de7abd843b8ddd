"""OCSP (RFC 6960): the question about a certificate, and what an answer to it proves."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    SignatureAlgorithmOID,
)

from pki import signatures, subjects
from pki.errors import UNREADABLE, BadAnswer, BadCertificate
from pki.extensions import find
from pki.keys import PublicKey
from pki.revocation.verdicts import Status, Verdict, check_issuer, reading, unknown, why_stale

OCSP: Final = "OCSP"
NONCE_OCTETS: Final = 32
"""RFC 9654, 2.1."""
LONGEST_WITHOUT_END: Final = timedelta(hours=1)
"""How long an answer counts that names no nextUpdate: newer information is always available then (RFC 6960, 2.4)."""

_UNDERSTOOD_IN_DELEGATE: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.OCSP_NO_CHECK,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_PKCS1: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA224,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSA_WITH_SHA3_224,
        SignatureAlgorithmOID.RSA_WITH_SHA3_256,
        SignatureAlgorithmOID.RSA_WITH_SHA3_384,
        SignatureAlgorithmOID.RSA_WITH_SHA3_512,
    }
)
_ECDSA: Final = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA224,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
        SignatureAlgorithmOID.ECDSA_WITH_SHA3_224,
        SignatureAlgorithmOID.ECDSA_WITH_SHA3_256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA3_384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA3_512,
    }
)


class Question(NamedTuple):
    """To be POSTed to `url` as application/ocsp-request; `judge_ocsp` wants the nonce back."""

    url: str
    request: bytes
    nonce: bytes


def ocsp_question(certificate: x509.Certificate, issuer: x509.Certificate) -> Question | None:
    """None: the certificate names no responder that speaks HTTP. The certificate is named by SHA-1: all know that."""
    check_issuer(certificate, issuer)
    with reading("certificate", BadCertificate):
        url = next(_responders(certificate), None)
        if url is None:
            return None
        nonce = secrets.token_bytes(NONCE_OCTETS)
        builder = _naming(certificate, issuer, hashes.SHA1()).add_extension(x509.OCSPNonce(nonce), critical=False)  # noqa: S303
        return Question(url, builder.build().public_bytes(Encoding.DER), nonce)


def judge_ocsp(
    answer: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    now: datetime,
    nonce: bytes | None = None,
) -> Verdict:
    """What the answer proves. Authentic ones that prove nothing (stale, about others, "unknown") are UNKNOWN.

    BadAnswer: unreadable, an error of the responder, not signed by the issuer or one it has delegated to (RFC 6960,
    4.2.2.2), or an answer to another question than the one with this nonce. Many responders leave the nonce out, for
    which the times have to make up. Delegates are not themselves checked for revocation.
    """
    check_issuer(certificate, issuer)
    with reading("OCSP answer"):
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is OCSPResponseStatus.UNAUTHORIZED:
            return unknown(OCSP, "The OCSP responder does not answer for this certificate (unauthorized).")
        if response.response_status is not OCSPResponseStatus.SUCCESSFUL:
            status = response.response_status.name.lower().replace("_", " ")
            raise BadAnswer(f"The OCSP responder reports a failure: {status}.")
        _check_signature(response, issuer, now)
        _check_extensions(response, nonce)
        return _verdict(response, certificate, issuer, now)


def _verdict(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> Verdict:
    singles = list(response.responses)
    ours = [single for single in singles if _is_about(single, certificate, issuer)]
    if not ours:
        return unknown(OCSP, "The OCSP answer is about other certificates.")
    verdicts = [_of_single(single, now) for single in ours]
    worst = next((verdict for verdict in verdicts if verdict.status is Status.REVOKED), verdicts[0])
    if worst.status is Status.GOOD and len(singles) > 1:
        return unknown(OCSP, "The OCSP answer is about several certificates, whose extensions cannot be read.")
    return worst


def _of_single(single: ocsp.OCSPSingleResponse, now: datetime) -> Verdict:
    until = single.next_update_utc or single.this_update_utc + LONGEST_WITHOUT_END
    if stale := why_stale("OCSP answer", single.this_update_utc, until, now):
        return unknown(OCSP, stale)
    if single.certificate_status is OCSPCertStatus.GOOD:
        return Verdict(Status.GOOD, OCSP, fresh_until=until)
    if single.certificate_status is OCSPCertStatus.REVOKED:
        reason = single.revocation_reason.value if single.revocation_reason else ""
        return Verdict(Status.REVOKED, OCSP, reason, revoked_at=single.revocation_time_utc, fresh_until=until)
    return unknown(OCSP, "The OCSP responder does not know the certificate.")


def _is_about(single: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        asked = _naming(certificate, issuer, single.hash_algorithm).build()
    except UNREADABLE:  # named by a digest that nobody uses
        return False
    return (single.issuer_name_hash, single.issuer_key_hash, single.serial_number) == (
        asked.issuer_name_hash,
        asked.issuer_key_hash,
        asked.serial_number,
    )


def _naming(
    certificate: x509.Certificate, issuer: x509.Certificate, digest: hashes.HashAlgorithm
) -> ocsp.OCSPRequestBuilder:
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, digest)


def _responders(certificate: x509.Certificate) -> Iterator[str]:
    access = find(certificate, x509.AuthorityInformationAccess)
    for description in access or ():
        url = description.access_location.value
        is_ocsp = description.access_method == AuthorityInformationAccessOID.OCSP
        if is_ocsp and isinstance(url, str) and re.match("https?://", url, re.IGNORECASE):
            yield url


def _check_extensions(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    alone = len(list(response.responses)) == 1
    for found in [*response.extensions, *(response.single_extensions if alone else ())]:
        if isinstance(found.value, x509.OCSPNonce):
            if nonce is not None and found.value.nonce != nonce:
                raise BadAnswer("The OCSP answer is one to another question: its nonce is not ours.")
        elif found.critical:
            raise BadAnswer(f"The OCSP answer has a critical extension that is unknown: {found.oid.dotted_string}.")


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    signed = _signed(response)
    if signed.digest and signed.digest.name in signatures.FORGEABLE:
        raise BadAnswer(f"The OCSP answer is signed with {signed.digest.name}, which can be forged.")
    candidates = (one for one in (issuer, *response.certificates) if _is_responder(response, one))
    signer = next((one for one in candidates if _has_signed(one, signed)), None)
    if signer is None:
        raise BadAnswer("The OCSP answer's signature does not verify under the key of the responder it names.")
    if signer is not issuer:
        _check_delegate(signer, issuer, now)


def _signed(response: ocsp.OCSPResponse) -> signatures.Signed:
    oid, digest = response.signature_algorithm_oid, response.signature_hash_algorithm
    parameters: padding.PKCS1v15 | ec.ECDSA | None = None
    if oid in _PKCS1:
        parameters = padding.PKCS1v15()
    elif digest and oid in _ECDSA:
        parameters = ec.ECDSA(digest)
    return signatures.Signed(response.tbs_response_bytes, response.signature, oid, digest, parameters)


def _is_responder(response: ocsp.OCSPResponse, candidate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return subjects.are_same(response.responder_name, candidate.subject)
    key = signatures.public_key_of(candidate)
    return key is not None and x509.SubjectKeyIdentifier.from_public_key(key).digest == response.responder_key_hash


def _has_signed(candidate: x509.Certificate, signed: signatures.Signed) -> bool:
    key = signatures.public_key_of(candidate)
    try:
        if key is not None:
            signatures.verify(signed, key)
    except UNREADABLE:
        return False
    return key is not None


def _check_delegate(delegate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
    """Given by the issuer itself, for this purpose, and valid (RFC 6960, 4.2.2.2)."""
    why = _why_no_delegate(delegate, issuer, signatures.public_key_of(issuer), now)
    if why:
        raise BadAnswer(f"The OCSP answer is signed by somebody who may not: {why}.")


def _why_no_delegate(delegate: x509.Certificate, issuer: x509.Certificate, key: PublicKey | None, now: datetime) -> str:
    if not subjects.are_same(delegate.issuer, issuer.subject) or not _has_certified(key, delegate):
        return "its certificate is not from the issuer"
    purposes = find(delegate, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        return "its certificate is not for signing OCSP answers"
    usage = find(delegate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        return "its key is not for signatures"
    if not delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc:
        return "its certificate is not valid now"
    if any(one.critical and one.oid not in _UNDERSTOOD_IN_DELEGATE for one in delegate.extensions):
        return "its certificate has a critical extension that is unknown"
    return ""


def _has_certified(key: PublicKey | None, certificate: x509.Certificate) -> bool:
    digest = certificate.signature_hash_algorithm
    if digest and digest.name in signatures.FORGEABLE:
        return False
    return key is not None and signatures.is_signed_with(certificate, key) is True
