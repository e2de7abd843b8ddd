"""The one reader of certificates: text to certificate, certificate to the facts that are stored and shown."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from pki import asn1, extensions, keys, naming, pointers, signatures, subjects
from pki import pem as pem_text
from pki.errors import UNREADABLE, BadCertificate, PkiError
from pki.extensions import BasicConstraints, Extensions
from pki.keys import PublicKey
from pki.names import Name, NameType

# Old roots break these rules; they are found on every machine and have to be kept track of.
warnings.filterwarnings("ignore", r"Parsed a serial number which wasn't positive", CryptographyDeprecationWarning)
warnings.filterwarnings("ignore", r"Invalid ASN\.1 \(UTF-8 characters in", CryptographyDeprecationWarning)
warnings.filterwarnings("ignore", r"Attribute's length must be >= ", UserWarning)

LONGEST_TEXT: Final = 128
LONGEST_DOMAIN: Final = 256
"""Characters of a common name, and of one of the domains: the width of their columns."""
LONGEST_SERIAL: Final = 52
"""Octets of a serial number, in decimal less than LONGEST_TEXT; RFC 5280 allows 20."""

_WITHOUT_DIGEST: Final = {
    SignatureAlgorithmOID.ED25519: "ed25519",
    SignatureAlgorithmOID.ED448: "ed448",
    SignatureAlgorithmOID.ML_DSA_44: "ml-dsa-44",
    SignatureAlgorithmOID.ML_DSA_65: "ml-dsa-65",
    SignatureAlgorithmOID.ML_DSA_87: "ml-dsa-87",
}
_PARSE_ERROR: Final = re.compile(r"error parsing asn1 value: ParseError \{ kind: (\w+)")
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class ExtensionFacts:
    """What a certificate says in its extensions; `extension_oids` are all of them, dotted, known or not."""

    extensions: Extensions
    subject_key_identifier: str
    authority_key_identifier: str
    authority_key_issuer: str
    crl_points: tuple[str, ...]
    extension_oids: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Facts(ExtensionFacts):
    """What is known from a certificate alone; the columns of contract 3.1 and 3.2 have the same names.

    `san` is True or None, never False. `domains` are the DNS names, then the IP addresses, each once, in their order.
    `signing_algorithm` is the digest of the signature, the algorithm where it has none, the dotted OID of an unknown
    one. `key_type` and `bits` are None for keys the library does not know. Hexadecimal text is lower-case.
    """

    cn: str | None
    names: tuple[Name, ...]
    san: bool | None
    domains: tuple[str, ...]
    serial: int
    issuer: str
    not_before: datetime
    not_after: datetime
    bits: int | None
    key_type: str | None
    signing_algorithm: str
    fingerprint: str
    spki_sha256: str
    subject: str
    issuer_name: str
    self_signed: bool
    is_ca: bool
    path_length: int | None


def load(pem: str | bytes) -> x509.Certificate:
    """Exactly one certificate, from PEM with comments around it or from DER bytes; not yet read any further."""
    data = pem_text.as_bytes(pem)
    if not pem_text.looks_like_pem(data):
        if isinstance(pem, str):
            raise BadCertificate('Not a certificate in PEM form: it has no line "-----BEGIN CERTIFICATE-----".')
        return load_der(data)
    try:
        found = pem_text.blocks(data)
    except PkiError as error:
        raise BadCertificate(error.message) from error
    others = [block.label for block in found if not block.is_certificate]
    if others:
        raise BadCertificate(f"Expected a certificate alone, but the text also holds a block {others[0]!r}.")
    if len(found) != 1:
        raise BadCertificate(f"Expected exactly one certificate, but the text holds {len(found)}.")
    return load_block(found[0])


def load_block(block: pem_text.Block) -> x509.Certificate:
    """A certificate from one block of PEM. BadCertificate otherwise."""
    return _load(x509.load_pem_x509_certificate, block.text)


def load_der(der: bytes) -> x509.Certificate:
    """A certificate from DER. BadCertificate otherwise."""
    return _load(x509.load_der_x509_certificate, der)


def facts(certificate: x509.Certificate) -> Facts:
    """Read everything, so that nothing can fail later; BadCertificate names the part that cannot be read.

    Oddities of real certificates are no reason to refuse: version 1, a serial number of zero, unknown algorithms.
    """
    found = _facts(certificate)
    _check_storable(found)
    return found


def extension_facts(certificate: x509.Certificate) -> ExtensionFacts:
    """The part of :func:`facts` that most people look at, without the rest, which takes four times as long."""
    return _extension_facts(_read("extensions", lambda: certificate.extensions))


def fingerprint(certificate: x509.Certificate) -> str:
    """Hexadecimal SHA-256 of the DER."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem(certificate: x509.Certificate) -> str:
    """Ends with exactly one line feed, so that several can be joined as they are."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def serial_hex(number: int) -> str:
    """Upper-case and without padding; a minus sign before the negative ones."""
    return format(number, "X")


def _facts(certificate: x509.Certificate) -> Facts:
    subject = _read("subject", lambda: certificate.subject)
    issuer = _read("issuer", lambda: certificate.issuer)
    key = _read("public key", lambda: signatures.public_key_of(certificate))
    stated = extension_facts(certificate)
    names = stated.extensions.names
    constraints = stated.extensions.basic_constraints or BasicConstraints(ca=False)
    addresses = _addresses(names)
    self_signed = signatures.is_own_issuer(certificate, key)
    return Facts(
        cn=subjects.first(subject, NameOID.COMMON_NAME) or None,
        names=names,
        san=True if len(addresses) > 1 else None,
        domains=tuple(dict.fromkeys(addresses)),
        serial=_read("serial number", lambda: certificate.serial_number),
        issuer=naming.slug_of_issuer(issuer, self_signed=self_signed),
        not_before=_read("validity", lambda: certificate.not_valid_before_utc),
        not_after=_read("validity", lambda: certificate.not_valid_after_utc),
        bits=keys.bits(key) if key else None,
        key_type=keys.key_type(key) if key else None,
        signing_algorithm=_read("signature algorithm", lambda: _signing_algorithm(certificate)),
        fingerprint=fingerprint(certificate),
        spki_sha256=_read("public key", lambda: _spki_sha256(certificate, key)),
        subject=subjects.rfc4514(subject),
        issuer_name=subjects.rfc4514(issuer),
        self_signed=self_signed,
        is_ca=constraints.ca,
        path_length=constraints.path_length,
        **vars(stated),
    )


def _extension_facts(raw: x509.Extensions) -> ExtensionFacts:
    return ExtensionFacts(
        extensions=_read("extensions", lambda: extensions.read(raw)),
        subject_key_identifier=_subject_key_identifier(raw),
        authority_key_identifier=_authority_key_identifier(raw),
        authority_key_issuer=_read("extensions", lambda: pointers.authority_key_issuer(raw)),
        crl_points=_read("extensions", lambda: pointers.crl_points(raw)),
        extension_oids=frozenset(one.oid.dotted_string for one in raw),
    )


def _load(loader: Callable[[bytes], x509.Certificate], data: bytes) -> x509.Certificate:
    try:
        return loader(data)
    except UNREADABLE as error:
        raise BadCertificate(f"Not a readable X.509 certificate: {_reason(error)}.") from error


def _read(part: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except UNREADABLE as error:
        raise BadCertificate(f"The certificate's {part} cannot be read: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    """The library's first line without what only its authors can read; it may quote the input at length."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
    if text.startswith("Unable to load PEM file"):
        return "its base64 is damaged"
    malformed = _PARSE_ERROR.match(text)
    return f"malformed ASN.1 ({malformed[1]})" if malformed else text


def _addresses(names: tuple[Name, ...]) -> list[str]:
    return [name.value for kind in (NameType.DNS, NameType.IP) for name in names if name.type is kind]


def _spki_sha256(certificate: x509.Certificate, key: PublicKey | None) -> str:
    """Of the key as the library writes it, by which private keys are matched; of unknown kinds as it stands there."""
    return keys.spki_sha256(key) if key else sha256(asn1.public_key_info(certificate)).hexdigest()


def _signing_algorithm(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    return digest.name if digest else _WITHOUT_DIGEST.get(oid, oid.dotted_string)


def _subject_key_identifier(found: x509.Extensions) -> str:
    try:
        return found.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
    except x509.ExtensionNotFound:
        return ""


def _authority_key_identifier(found: x509.Extensions) -> str:
    try:
        identifier = found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return ""
    return identifier.hex() if identifier else ""


def _check_storable(found: Facts) -> None:
    """A database column has a width, and PostgreSQL keeps no NUL in text."""
    _check_length("common name", len(found.cn or ""), LONGEST_TEXT)
    _check_length("longest domain", max(map(len, found.domains), default=0), LONGEST_DOMAIN)
    _check_length("signature algorithm", len(found.signing_algorithm), LONGEST_TEXT)
    if found.serial.bit_length() > 8 * LONGEST_SERIAL:
        raise BadCertificate(f"The certificate's serial number is longer than {LONGEST_SERIAL} octets.")
    if any("\0" in text for text in (found.cn or "", *(name.value for name in found.names))):
        raise BadCertificate("The certificate's names hold a NUL character, as forged ones do.")


def _check_length(what: str, length: int, longest: int) -> None:
    if length > longest:
        raise BadCertificate(f"The certificate's {what} is {length} characters long; {longest} can be stored.")
