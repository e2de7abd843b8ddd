"""X.509 extensions as typed values: read leniently from certificates and requests, written strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID

from pki import names
from pki.errors import UNREADABLE, BadExtension, BadName
from pki.names import Name, NameType

LONGEST_PATH: Final = 255
"""No chain is this long; larger values only test the limits of those who read them."""

_T = TypeVar("_T", bound=x509.ExtensionType)


class KeyUsage(StrEnum):
    """RFC 5280, 4.2.1.3, by the attribute names of `cryptography`, in the order of the bits."""

    DIGITAL_SIGNATURE = "digital_signature"
    CONTENT_COMMITMENT = "content_commitment"
    KEY_ENCIPHERMENT = "key_encipherment"
    DATA_ENCIPHERMENT = "data_encipherment"
    KEY_AGREEMENT = "key_agreement"
    KEY_CERT_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"
    ENCIPHER_ONLY = "encipher_only"
    DECIPHER_ONLY = "decipher_only"


PURPOSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_authentication": ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,
        "server_authentication": ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,
        "code_signing": ExtendedKeyUsageOID.CODE_SIGNING.dotted_string,
        "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
        "timestamping": ExtendedKeyUsageOID.TIME_STAMPING.dotted_string,
        "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string,
        "eap_over_lan": "1.3.6.1.5.5.7.3.14",
        "eap_over_ppp": "1.3.6.1.5.5.7.3.13",
        "smart_card_logon": ExtendedKeyUsageOID.SMARTCARD_LOGON.dotted_string,
        "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
    }
)
"""Name of an extended key usage -> its dotted OID."""

MODELLED: Final = frozenset(
    oid.dotted_string
    for oid in (
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.TLS_FEATURE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    )
)
"""Dotted OIDs that have a field of their own, or are written by the signer: never to be given as custom."""


@dataclass(frozen=True)
class BasicConstraints:
    """`path_length` None: no limit."""

    ca: bool
    path_length: int | None = None


@dataclass(frozen=True)
class Custom:
    """Any other extension: dotted OID, and the DER that stands inside extnValue."""

    oid: str
    value: bytes
    critical: bool = False


@dataclass(frozen=True)
class Extensions:
    """Everything a certificate may say besides its subject, validity and key; None or () where it says nothing.

    `extended_key_usage` and `policies` are dotted OIDs. Key identifiers are not here: nobody chooses them.
    """

    names: tuple[Name, ...] = ()
    basic_constraints: BasicConstraints | None = None
    key_usage: frozenset[KeyUsage] | None = None
    extended_key_usage: frozenset[str] | None = None
    crl_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    must_staple: bool = False
    custom: tuple[Custom, ...] = ()


def find(owner: x509.Certificate | x509.CertificateRevocationList, kind: type[_T]) -> _T | None:
    """One extension as the library has it, None when there is none. Raises what UNREADABLE lists."""
    try:
        return owner.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def read(extensions: x509.Extensions) -> Extensions:
    """What is not modelled, or says more than its field can hold, becomes custom; key identifiers are left out.

    BadExtension names the extension that cannot be decoded.
    """
    found: dict[str, Any] = {}
    for extension in extensions:
        try:
            found |= _said(extension, found.get("custom", ()))
        except UNREADABLE as error:
            raise BadExtension(
                f"The extension {extension.oid.dotted_string} cannot be read.", field="extensions"
            ) from error
    return Extensions(**found)


def write(e: Extensions, *, subject_empty: bool = False) -> list[tuple[x509.ExtensionType, bool]]:
    """Pairs of extension and whether it is critical (RFC 5280, 4.2); fields that say nothing are left out.

    Basic constraints and key usage are critical, names if the subject is empty, custom ones as they say, others never.
    BadExtension, with the field, for values that must not stand in a certificate.
    """
    try:
        return [*_usages(e), *_names(e, critical=subject_empty), *_pointers(e), *_customs(e)]
    except (BadExtension, BadName):
        raise
    except UNREADABLE as error:
        raise BadExtension(f"The extensions cannot be written: {error}.", field="extensions") from error


def is_der(value: bytes) -> bool:
    """Whether the bytes are exactly one element of definite length; what is inside is not looked at."""
    if len(value) < 2 or value[0] & 0x1F == 0x1F:
        return False
    if value[1] < 0x80:
        return len(value) == 2 + value[1]
    width = value[1] & 0x7F
    length = int.from_bytes(value[2 : 2 + width], "big")
    minimal = 0 < width <= 4 and length >= max(0x80, 1 << 8 * (width - 1))
    return minimal and len(value) == 2 + width + length


def _said(extension: x509.Extension[Any], custom: tuple[Custom, ...]) -> dict[str, Any]:
    """The fields of Extensions that it fills; ``custom`` are those before it."""
    value = extension.value
    if isinstance(value, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier):
        return {}
    said = next((reader(value) for kind, reader in _READERS if isinstance(value, kind)), None)
    if said is None:
        one = Custom(extension.oid.dotted_string, value.public_bytes(), critical=extension.critical)
        return {"custom": (*custom, one)}
    return said


def _read_key_usage(value: x509.KeyUsage) -> dict[str, Any]:
    only = ("encipher_only", "decipher_only") if value.key_agreement else ()
    readable = [usage for usage in KeyUsage if not usage.endswith("_only") or usage in only]
    return {"key_usage": frozenset(usage for usage in readable if getattr(value, usage))}


def _read_points(value: x509.CRLDistributionPoints) -> dict[str, Any]:
    return {"crl_urls": tuple(_urls(name for point in value for name in point.full_name or ()))}


def _read_access(value: x509.AuthorityInformationAccess) -> dict[str, Any]:
    def of(method: x509.ObjectIdentifier) -> tuple[str, ...]:
        return tuple(_urls(access.access_location for access in value if access.access_method == method))

    return {
        "ocsp_urls": of(AuthorityInformationAccessOID.OCSP),
        "issuer_urls": of(AuthorityInformationAccessOID.CA_ISSUERS),
    }


def _read_features(value: x509.TLSFeature) -> dict[str, Any] | None:
    return {"must_staple": True} if list(value) == [x509.TLSFeatureType.status_request] else None


def _urls(found: Iterable[x509.GeneralName]) -> Iterator[str]:
    return (name.value for name in found if isinstance(name, x509.UniformResourceIdentifier))


_READERS: Final[tuple[tuple[type[x509.ExtensionType], Callable[[Any], dict[str, Any] | None]], ...]] = (
    (x509.SubjectAlternativeName, lambda v: {"names": tuple(map(names.from_general_name, v))}),
    (x509.BasicConstraints, lambda v: {"basic_constraints": BasicConstraints(v.ca, v.path_length)}),
    (x509.KeyUsage, _read_key_usage),
    (x509.ExtendedKeyUsage, lambda v: {"extended_key_usage": frozenset(oid.dotted_string for oid in v)}),
    (x509.CRLDistributionPoints, _read_points),
    (x509.AuthorityInformationAccess, _read_access),
    (x509.CertificatePolicies, lambda v: {"policies": tuple(p.policy_identifier.dotted_string for p in v)}),
    (x509.TLSFeature, _read_features),
)


def _usages(e: Extensions) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if e.basic_constraints is not None:
        yield _basic_constraints(e.basic_constraints), True
    if e.key_usage:
        yield _key_usage(e.key_usage), True
    if e.extended_key_usage:
        oids = (_oid(oid, field="extensions.extended_key_usage") for oid in sorted(e.extended_key_usage))
        yield x509.ExtendedKeyUsage(oids), False


def _basic_constraints(value: BasicConstraints) -> x509.BasicConstraints:
    length, field = value.path_length, "extensions.basic_constraints"
    if length is not None and (isinstance(length, bool) or not isinstance(length, int)):
        raise BadExtension(
            "A CA certificate path_length (for BasicConstraints) must be None or an integer.", field=field
        )
    if length is not None and not value.ca:
        raise BadExtension("Only a CA certificate can have a path_length (for BasicConstraints).", field=field)
    if length is not None and not 0 <= length <= LONGEST_PATH:
        raise BadExtension(f"The path_length (for BasicConstraints) must be 0 to {LONGEST_PATH}.", field=field)
    return x509.BasicConstraints(value.ca, length)


def _key_usage(usages: frozenset[KeyUsage]) -> x509.KeyUsage:
    only = usages & {KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY}
    if len(only) == 2:
        raise BadExtension(
            "A certificate cannot have both Encipher Only and Decipher Only Extended Key Usages.",
            field="extensions.key_usage",
        )
    written = usages | {KeyUsage.KEY_AGREEMENT} if only else usages
    return x509.KeyUsage(**{usage.value: usage in written for usage in KeyUsage})


def _names(e: Extensions, *, critical: bool) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if e.names:
        yield x509.SubjectAlternativeName(map(names.to_general_name, dict.fromkeys(e.names))), critical


def _pointers(e: Extensions) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if e.policies:
        oids = [_oid(oid, field="extensions.policies") for oid in dict.fromkeys(e.policies)]
        yield x509.CertificatePolicies(x509.PolicyInformation(oid, None) for oid in oids), False
    access = [
        *((AuthorityInformationAccessOID.OCSP, url) for url in e.ocsp_urls),
        *((AuthorityInformationAccessOID.CA_ISSUERS, url) for url in e.issuer_urls),
    ]
    if access:
        descriptions = (x509.AccessDescription(method, _url(url)) for method, url in access)
        yield x509.AuthorityInformationAccess(descriptions), False
    if e.crl_urls:
        # One point with several names: the same list at several places (RFC 5280, 4.2.1.13).
        point = x509.DistributionPoint([_url(url) for url in e.crl_urls], None, None, None)
        yield x509.CRLDistributionPoints([point]), False
    if e.must_staple:
        yield x509.TLSFeature([x509.TLSFeatureType.status_request]), False


def _customs(e: Extensions) -> Iterator[tuple[x509.ExtensionType, bool]]:
    field, seen = "extensions.custom", set()
    for custom in e.custom:
        oid = _oid(custom.oid, field=field)
        if oid.dotted_string in MODELLED:
            raise BadExtension(f"The extension {oid.dotted_string} has a field of its own: use that.", field=field)
        if oid in seen:
            raise BadExtension(f"The extension {oid.dotted_string} is given twice.", field=field)
        if not is_der(custom.value):
            raise BadExtension(f"The value of the extension {oid.dotted_string} is not DER.", field=field)
        seen.add(oid)
        yield x509.UnrecognizedExtension(oid, custom.value), custom.critical


def _oid(dotted: str, *, field: str) -> x509.ObjectIdentifier:
    try:
        return x509.ObjectIdentifier(names.parse(NameType.REGISTERED_ID, dotted).value)
    except BadName as error:
        raise BadExtension(error.message, field=field) from error


def _url(url: str) -> x509.UniformResourceIdentifier:
    try:
        return x509.UniformResourceIdentifier(names.parse(NameType.URI, url).value)
    except BadName as error:
        raise BadExtension(error.message, field="extensions") from error
