"""Writing certificates and CRLs: first a draft that has everything but the signature, then the signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import asn1, chains, extensions, signatures
from pki.errors import UNREADABLE, BadCertificate, BadChain, BadKey, PkiError
from pki.extensions import Extensions
from pki.keys import PrivateKey, PublicKey, hash_for

# One per kind of signature: the algorithm identifier in the to-be-signed part depends on the kind and the digest alone.
_STAND_INS: Final[dict[type, Callable[[], PrivateKey]]] = {
    rsa.RSAPublicKey: lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ec.EllipticCurvePublicKey: lambda: ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PublicKey: ed25519.Ed25519PrivateKey.generate,
    ed448.Ed448PublicKey: ed448.Ed448PrivateKey.generate,
    mldsa.MLDSA44PublicKey: mldsa.MLDSA44PrivateKey.generate,
    mldsa.MLDSA65PublicKey: mldsa.MLDSA65PrivateKey.generate,
    mldsa.MLDSA87PublicKey: mldsa.MLDSA87PrivateKey.generate,
}


@dataclass(frozen=True)
class Revoked:
    """An entry of a CRL. No reason and `unspecified` are written alike: not at all (RFC 5280, 5.3.1)."""

    serial: int
    revoked_at: datetime
    reason: x509.ReasonFlags | None = None


def draft(  # noqa: PLR0913  keyword-only, and each is a field of the certificate
    *,
    subject: x509.Name,
    public_key: PublicKey,
    issuer: x509.Certificate | None,
    signer_public_key: PublicKey,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    extensions: Extensions,
) -> x509.Certificate:
    """The complete certificate under the signature of a key that is thrown away; `issuer` None makes a root.

    Its to-be-signed bytes are those `sign` signs. Key identifiers are written here: the subject's by RFC 7093,
    method 1, the authority's as the issuer has it (of a root: its own).
    """
    if signer_public_key != (public_key if issuer is None else _public_key_of(issuer)):
        raise BadKey("The signing key is not that of the issuer's certificate.")
    with _writing("certificate"):
        builder = x509.CertificateBuilder(
            issuer_name=subject if issuer is None else issuer.subject,
            subject_name=subject,
            public_key=public_key,
            extensions=list(_written(extensions, subject, public_key, issuer)),
        )
        builder = builder.serial_number(serial).not_valid_before(not_before).not_valid_after(not_after)
        return builder.sign(_stand_in(signer_public_key), hash_for(signer_public_key))


def sign(draft: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    """The draft's to-be-signed bytes, untouched, under the real signature; which is checked before it is given out."""
    with _writing("certificate"):
        signature = _sign(key, draft.tbs_certificate_bytes, draft.signature_hash_algorithm)
        signed = asn1.with_signature(draft, signature)
    if not signatures.is_signed_with(signed, key.public_key()):
        raise BadKey("The signature does not verify: the key is faulty or not of the kind the draft was made for.")
    return signed


def self_signed_ca(
    *,
    subject: x509.Name,
    key: PrivateKey,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    extensions: Extensions,
) -> x509.Certificate:
    """A root: `draft` and `sign` in one."""
    own = key.public_key()
    root = draft(
        subject=subject,
        public_key=own,
        issuer=None,
        signer_public_key=own,
        serial=serial,
        not_before=not_before,
        not_after=not_after,
        extensions=extensions,
    )
    return sign(root, key)


def tbs_sha256(certificate: x509.Certificate) -> str:
    """Hexadecimal SHA-256 of the to-be-signed bytes: the same for a draft and for what became of it."""
    return sha256(certificate.tbs_certificate_bytes).hexdigest()


def random_serial() -> int:
    """159 random bits: positive, and never more than the 20 octets of RFC 5280, 4.1.2.2."""
    return x509.random_serial_number()


def sign_crl(
    *,
    issuer: x509.Certificate,
    key: PrivateKey,
    number: int,
    this_update: datetime,
    next_update: datetime,
    revoked: Iterable[Revoked],
) -> x509.CertificateRevocationList:
    """A complete version 2 CRL with its number and the issuer's key identifier (RFC 5280, 5)."""
    own = key.public_key()
    if own != _public_key_of(issuer):
        raise BadKey("The signing key is not that of the issuer's certificate.")
    with _writing("CRL"):
        builder = (
            x509.CertificateRevocationListBuilder(revoked_certificates=[_entry(entry) for entry in revoked])
            .issuer_name(issuer.subject)
            .last_update(this_update)
            .next_update(next_update)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(_authority_key_identifier(issuer), critical=False)
        )
        return builder.sign(key, hash_for(own))


def _written(
    wanted: Extensions, subject: x509.Name, public_key: PublicKey, issuer: x509.Certificate | None
) -> Iterator[x509.Extension[x509.ExtensionType]]:
    own = _key_identifier(public_key)
    authority = _authority_key_identifier(issuer) if issuer else x509.AuthorityKeyIdentifier(own, None, None)
    identifiers = ((x509.SubjectKeyIdentifier(own), False), (authority, False))
    for value, critical in (*extensions.write(wanted, subject_empty=not subject.rdns), *identifiers):
        yield x509.Extension(value.oid, critical, value)


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        identifier = _key_identifier(_public_key_of(issuer))
    return x509.AuthorityKeyIdentifier(identifier, None, None)


def _key_identifier(public_key: PublicKey) -> bytes:
    """RFC 7093, method 1: the leftmost 160 bits of the SHA-256 of the key."""
    info = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(asn1.subject_public_key(info)).digest()[:20]


def _entry(entry: Revoked) -> x509.RevokedCertificate:
    if entry.reason is x509.ReasonFlags.remove_from_crl:
        raise PkiError("The reason removeFromCRL belongs into delta CRLs only (RFC 5280, 5.3.1).")
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.revoked_at)
    if entry.reason not in {None, x509.ReasonFlags.unspecified}:
        builder = builder.add_extension(x509.CRLReason(entry.reason), critical=False)
    return builder.build()


def _public_key_of(issuer: x509.Certificate) -> PublicKey:
    try:
        key = signatures.public_key_of(issuer)
    except UNREADABLE as error:
        raise BadChain(f"The key of the issuer '{chains.label(issuer)}' cannot be read: {error}.") from error
    if key is None:
        raise BadChain(f"The key of the issuer '{chains.label(issuer)}' is of an unknown kind.")
    return key


def _stand_in(public_key: PublicKey) -> PrivateKey:
    for kind in _STAND_INS:
        if isinstance(public_key, kind):
            return _generated(kind)
    raise BadKey("Keys of this kind cannot sign certificates.")


@cache
def _generated(kind: type) -> PrivateKey:
    return _STAND_INS[kind]()


def _sign(key: PrivateKey, data: bytes, digest: HashAlgorithm | None) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey) and digest:
        return key.sign(data, padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey) and digest:
        return key.sign(data, ec.ECDSA(digest))
    if digest is None and not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey):
        return key.sign(data)
    raise BadKey("The key is of another kind than the draft was made for.")


@contextmanager
def _writing(what: str) -> Iterator[None]:
    try:
        yield
    except PkiError:
        raise
    except UNREADABLE as error:
        raise BadCertificate(f"The {what} cannot be written: {error}.") from error
