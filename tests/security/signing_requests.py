"""Makes signing requests that ask for anything, and says in what a certificate goes beyond what may be issued for one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ
from pyasn1_alt_modules import rfc2986

from pki.names import normalise_dns
from tests.pki_material import p256
from tests.security.bad_input import ORDERS, Answer, Door, armoured, door
from tests.security.world import World

ALLOWED = r"(\*\.)?([a-z0-9-]+\.)*example\.org$"
CN = x509.NameAttribute(NameOID.COMMON_NAME, "www.example.org")
# What a certificate of the profile "server" says, and nothing else.
WRITTEN = {
    "basicConstraints",
    "keyUsage",
    "extendedKeyUsage",
    "subjectAltName",
    "subjectKeyIdentifier",
    "authorityKeyIdentifier",
}
Extension = tuple[x509.ExtensionType, bool]


@cache
def key() -> ec.EllipticCurvePrivateKey:
    return p256()


def csr(
    *extensions: Extension, subject: list[x509.NameAttribute[Any]] | None = None, by: Any = None, **how: Any
) -> str:
    """A request for www.example.org that also asks for these."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([CN] if subject is None else subject))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = key() if by is None else by
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else how.pop("digest", hashes.SHA256())
    return builder.sign(signer, digest, **how).public_bytes(Encoding.PEM).decode()


def san(*names: x509.GeneralName) -> Extension:
    return x509.SubjectAlternativeName(list(names)), False


def dns(*names: str) -> Extension:
    return san(*map(x509.DNSName, names))


def cn(text: str) -> list[x509.NameAttribute[Any]]:
    return [x509.NameAttribute(NameOID.COMMON_NAME, text)]


def resigned(pem: str, change: Callable[[Any], None]) -> str:
    """The request with another content, under a signature that is right again."""
    der = x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER)
    request, _ = decoder.decode(der, asn1Spec=rfc2986.CertificationRequest())
    change(request["certificationRequestInfo"])
    signature = key().sign(encoder.encode(request["certificationRequestInfo"]), ec.ECDSA(hashes.SHA256()))
    request["signature"] = univ.BitString.fromOctetString(signature)
    return armoured("CERTIFICATE REQUEST", encoder.encode(request))


def ask(pem: str, world: World, person: str = "owner", **fields: Any) -> Answer:
    one = requester(world, person)
    return one.ask({**one.body, "csr": pem, **fields})


def requester(world: World, person: str = "owner") -> Door:
    return door(world, f"POST {ORDERS}", person)


def beyond(answer: Answer, pem: str) -> list[str]:
    """In what the issued certificate goes beyond the profile, the request, or the allowed domains."""
    issued = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
    asked = x509.load_pem_x509_csr(pem.encode())
    found = [*_usages(issued), *_names(issued, asked)]
    if spki(issued) != spki(asked):
        found.append("another key")
    if not set(issued.subject) <= {
        x509.NameAttribute(one.oid, one.value.strip()) for one in asked.subject if isinstance(one.value, str)
    }:
        found.append(f"subject {issued.subject}")
    return found


def spki(of: Any) -> bytes:
    key: bytes = of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key


def _usages(issued: x509.Certificate) -> Iterator[str]:
    extra = {extension.oid._name for extension in issued.extensions} - WRITTEN
    if extra:
        yield f"extensions {extra}"
    if issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        yield "a CA"
    usage = issued.extensions.get_extension_for_class(x509.KeyUsage).value
    if usage.key_cert_sign or usage.crl_sign:
        yield "signs certificates"
    if list(issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) != [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]:
        yield "extended key usage"


def _names(issued: x509.Certificate, asked: x509.CertificateSigningRequest) -> Iterator[str]:
    wanted = set(names_of(asked.extensions)) | {
        normal(one.value) for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    }
    for name in names_of(issued.extensions):
        if name not in wanted:
            yield f"unasked {name}"
        if isinstance(name, str) and not re.match(ALLOWED, name):
            yield f"not allowed {name}"
    for attribute in issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if " " not in str(attribute.value) and not re.match(ALLOWED, str(normal(attribute.value))):
            yield f"not allowed common name {attribute.value}"


def names_of(extensions: x509.Extensions) -> Iterator[Any]:
    """DNS names in their normal form, addresses, and whatever else there is as it is."""
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for name in found:
        yield normal(name.value) if isinstance(name, x509.DNSName) else getattr(name, "value", name)


def normal(text: Any) -> Any:
    """As rules compare it: an address, a name in A-labels, or the text itself."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        pass
    try:
        return normalise_dns(text.strip())
    except ValueError:
        return text
