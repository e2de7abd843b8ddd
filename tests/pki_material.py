"""Keys and certificates for tests: made once per process, each when first asked for, valid around today.

Written with `cryptography` alone, so that a fault in `pki.signing` cannot hide in what it is tested with.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes as PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_WITHOUT_DIGEST = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    mldsa.MLDSA44PrivateKey,
    mldsa.MLDSA65PrivateKey,
    mldsa.MLDSA87PrivateKey,
)
# Plain counting, so that no test depends on what a serial number happens to be.
_serials = itertools.count(0x1000)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> str:
        return as_pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return key_as_pem(self.key)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def as_pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def key_as_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(cn: str | None = None, **attributes: str) -> x509.Name:
    """`name("www.example.com", organization_name="Example")`: attributes by their names in NameOID, in this order."""
    found = [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn is not None else []
    found += [x509.NameAttribute(getattr(NameOID, key.upper()), value) for key, value in attributes.items()]
    return x509.Name(found)


def general_name(text: str) -> x509.GeneralName:
    """An IP address, an e-mail address, a URI or a DNS name, by its look."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)


def key_usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in names for usage in _KEY_USAGES})


def certificate(
    subject: x509.Name,
    key: PrivateKey,
    issuer: Pair | None = None,
    *,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    serial: int | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    rsa_padding: padding.PSS | None = None,
    digest: hashes.HashAlgorithm | None = None,
) -> x509.Certificate:
    """Signed by `issuer`, or by its own key. Nothing is added to `extensions`."""
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(next(_serials) if serial is None else serial)
        .not_valid_before(not_before or now() - timedelta(days=1))
        .not_valid_after(not_after or now() + timedelta(days=90))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(signer, _WITHOUT_DIGEST) else digest or hashes.SHA256()
    return builder.sign(signer, algorithm, rsa_padding=rsa_padding)


def ca_extensions(key: PrivateKey, path_length: int | None = None) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (key_usage("key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]


def authority_key_identifier(issuer: Pair) -> tuple[x509.ExtensionType, bool]:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.certificate.public_key()), False


def leaf_extensions(issuer: Pair, names: Iterable[str]) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = [
        (key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        authority_key_identifier(issuer),
    ]
    alternatives = [general_name(text) for text in names]
    return [(x509.SubjectAlternativeName(alternatives), False), *found] if alternatives else found


class Material:
    """A small PKI: `root` → `intermediate` → leaves; `other_root` has nothing to do with it."""

    @cached_property
    def root(self) -> Pair:
        return self.root_with(p256())

    @cached_property
    def other_root(self) -> Pair:
        return self.root_with(p256(), cn="Other Root", organization="Other Inc")

    @cached_property
    def intermediate(self) -> Pair:
        return self.intermediate_with(self.root, cn="Example Issuing CA")

    @cached_property
    def leaf(self) -> Pair:
        return self.leaf_with(names=("www.example.com", "example.com"))

    @cached_property
    def rsa_leaf(self) -> Pair:
        return self.leaf_with(cn="rsa.example.com", key=rsa.generate_private_key(65537, 2048))

    @cached_property
    def p384_leaf(self) -> Pair:
        return self.leaf_with(cn="p384.example.com", key=ec.generate_private_key(ec.SECP384R1()))

    @cached_property
    def p521_leaf(self) -> Pair:
        return self.leaf_with(cn="p521.example.com", key=ec.generate_private_key(ec.SECP521R1()))

    @cached_property
    def ed25519_leaf(self) -> Pair:
        return self.leaf_with(cn="ed25519.example.com", key=ed25519.Ed25519PrivateKey.generate())

    @cached_property
    def ed448_leaf(self) -> Pair:
        return self.leaf_with(cn="ed448.example.com", key=ed448.Ed448PrivateKey.generate())

    @cached_property
    def mldsa_leaf(self) -> Pair:
        return self.leaf_with(cn="mldsa65.example.com", key=mldsa.MLDSA65PrivateKey.generate())

    @cached_property
    def dsa_leaf(self) -> Pair:
        return self.leaf_with(cn="dsa.example.com", key=dsa.generate_private_key(2048))

    @cached_property
    def wildcard_leaf(self) -> Pair:
        return self.leaf_with(names=("*.wild.example.org",))

    @cached_property
    def expired_leaf(self) -> Pair:
        return self.leaf_with(
            cn="old.example.com", not_before=now() - timedelta(days=90), not_after=now() - timedelta(days=1)
        )

    @cached_property
    def self_signed_leaf(self) -> Pair:
        key = p256()
        alternative = x509.SubjectAlternativeName([x509.DNSName("selfie.example.org")])
        return Pair(certificate(name("selfie.example.org"), key, extensions=[(alternative, False)]), key)

    @cached_property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Of `leaf` and of whatever `leaf_with` makes."""
        return (self.intermediate.certificate, self.root.certificate)

    def root_with(self, key: PrivateKey, *, cn: str = "Example Root", organization: str = "Example Inc") -> Pair:
        made = certificate(
            name(cn, organization_name=organization),
            key,
            extensions=ca_extensions(key),
            not_before=now() - timedelta(days=365),
            not_after=now() + timedelta(days=3650),
        )
        return Pair(made, key)

    def intermediate_with(self, issuer: Pair, *, cn: str, key: PrivateKey | None = None) -> Pair:
        key = key or p256()
        made = certificate(
            name(cn, organization_name="Example Inc"),
            key,
            issuer,
            extensions=[*ca_extensions(key, path_length=0), authority_key_identifier(issuer)],
            not_before=now() - timedelta(days=300),
            not_after=now() + timedelta(days=1800),
        )
        return Pair(made, key)

    def leaf_with(
        self,
        *,
        names: Iterable[str] = (),
        cn: str | None = None,
        key: PrivateKey | None = None,
        issuer: Pair | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        serial: int | None = None,
    ) -> Pair:
        """A server certificate of `intermediate`; the common name is the first of `names` unless given, "" for none."""
        names = tuple(names)
        common_name = cn if cn is not None else next(iter(names), "leaf.example.com")
        key, issuer = key or p256(), issuer or self.intermediate
        made = certificate(
            name(common_name) if common_name else x509.Name([]),
            key,
            issuer,
            extensions=leaf_extensions(issuer, names or ((common_name,) if common_name else ())),
            serial=serial,
            not_before=not_before,
            not_after=not_after,
        )
        return Pair(made, key)


@cache
def material() -> Material:
    return Material()
