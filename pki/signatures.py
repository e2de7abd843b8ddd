"""Is a certificate signed with this key? Checked for every algorithm the library can verify."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.x509.oid import SignatureAlgorithmOID

from pki import asn1
from pki.errors import UNREADABLE, BadCertificate
from pki.keys import PublicKey

_WITHOUT_DIGEST: Final[dict[x509.ObjectIdentifier, type]] = {
    SignatureAlgorithmOID.ED25519: ed25519.Ed25519PublicKey,
    SignatureAlgorithmOID.ED448: ed448.Ed448PublicKey,
    SignatureAlgorithmOID.ML_DSA_44: mldsa.MLDSA44PublicKey,
    SignatureAlgorithmOID.ML_DSA_65: mldsa.MLDSA65PublicKey,
    SignatureAlgorithmOID.ML_DSA_87: mldsa.MLDSA87PublicKey,
}

FORGEABLE: Final = frozenset({"md5", "sha1"})
"""Digests for which other contents with the same signature can be made."""


@dataclass(frozen=True)
class Signed:
    """What was signed, and how; of RSA and ECDSA `parameters` holds the padding or scheme."""

    data: bytes
    signature: bytes
    oid: x509.ObjectIdentifier
    digest: HashAlgorithm | None
    parameters: padding.PKCS1v15 | padding.PSS | ec.ECDSA | None


def public_key_of(certificate: x509.Certificate) -> PublicKey | None:
    """The certified key; None when it is of a kind the library does not know. Raises what UNREADABLE lists."""
    try:
        return certificate.public_key()
    except UnsupportedAlgorithm:
        return None


def is_signed_with(certificate: x509.Certificate, key: PublicKey) -> bool | None:
    """None: the library cannot verify this algorithm. Names and extensions are not looked at."""
    try:
        if not asn1.algorithms_agree(certificate):
            return False
        _verify(certificate, key)
    except UnsupportedAlgorithm:
        return None
    except UNREADABLE:
        return False
    return True


@lru_cache(maxsize=1024)
def is_self_signed(certificate: x509.Certificate) -> bool:
    """Verifies under its own key; where that cannot be checked, issuer and subject being the same decides.

    Remembered, since a chain is looked at from several sides.
    """
    try:
        return is_own_issuer(certificate, public_key_of(certificate))
    except UNREADABLE as error:
        raise BadCertificate(f"The certificate cannot be read: {error}.") from error


def is_own_issuer(certificate: x509.Certificate, key: PublicKey | None) -> bool:
    """`is_self_signed` for who has read the certificate and its key already."""
    verdict = None if key is None else is_signed_with(certificate, key)
    return certificate.issuer == certificate.subject if verdict is None else verdict


def verify(signed: Signed, key: PublicKey) -> None:
    """Raises InvalidSignature, UnsupportedAlgorithm, or what else UNREADABLE lists."""
    signature, data, digest, parameters = signed.signature, signed.data, signed.digest, signed.parameters
    match key:
        case rsa.RSAPublicKey() if digest and isinstance(parameters, padding.PKCS1v15 | padding.PSS):
            key.verify(signature, data, parameters, digest)
        case ec.EllipticCurvePublicKey() if isinstance(parameters, ec.ECDSA):
            key.verify(signature, data, parameters)
        case dsa.DSAPublicKey() if digest and parameters is None:
            key.verify(signature, data, digest)
        case (
            ed25519.Ed25519PublicKey()
            | ed448.Ed448PublicKey()
            | mldsa.MLDSA44PublicKey()
            | mldsa.MLDSA65PublicKey()
            | mldsa.MLDSA87PublicKey()
        ) if isinstance(key, _WITHOUT_DIGEST.get(signed.oid, ())):
            key.verify(signature, data)
        case _:
            raise InvalidSignature


def _verify(certificate: x509.Certificate, key: PublicKey) -> None:
    signed = Signed(
        data=certificate.tbs_certificate_bytes,
        signature=certificate.signature,
        oid=certificate.signature_algorithm_oid,
        digest=certificate.signature_hash_algorithm,
        parameters=certificate.signature_algorithm_parameters,
    )
    verify(signed, key)
