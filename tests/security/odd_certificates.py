"""Certificates that no honest tool makes: strange numbers, sizes, letters, and markup in every part."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import tag, univ
from pyasn1_alt_modules import rfc5280

from tests import pki_material
from tests.pki_material import as_pem, material, p256
from tests.security.bad_input import armoured

UTF8, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
COMMON_NAME = "2.5.4.3"
MARKUP = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "single quotes": "'><svg/onload=alert(1)>",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "comment": "--><script>alert(1)</script>",
    "end of a text area": "</textarea><script>alert(1)</script>",
    "end of a title": "</title><script>alert(1)</script>",
    "template": "{{ 7*7 }}{% debug %}{# x #}",
    "another template": "${7*7}#{7*7}<%= 7*7 %>",
    "formula": "=cmd|' /C calc'!A0",
    "link": "javascript:alert(1)",
    "path": "../../../../etc/passwd",
    "header": "a\r\nSet-Cookie: evil=1\r\n\r\n<b>x</b>",
    "terminal": "\x1b[31mred\x1b[0m\x07",
    "SQL": "'; DROP TABLE certificates_certificate; --",
    "right to left": "\u202egpj.example\u202c",
    "isolates": "\u2066a\u2069\u200b\ufeff",
    "look-alike": "pаypal.example",
    "letters that grow": "ﷺ" * 20,
    "combining": "e" + "\u0301" * 60,
    "emoji": "🦊" * 16,
    "percent": "%s%n%x%(a)s{0}{}",
}


def altered(der: bytes, **changes: Any) -> bytes:
    """The certificate with other parts, under the signature that it had."""
    certificate, _ = decoder.decode(der, asn1Spec=rfc5280.Certificate())
    for part, value in changes.items():
        certificate["tbsCertificate"][part] = value
    return encoder.encode(certificate)


def with_serial(number: int) -> str:
    return armoured("CERTIFICATE", altered(material().leaf.der, serialNumber=number))


def version_one() -> str:
    """No extensions, and no version number."""
    certificate, _ = decoder.decode(material().leaf.der, asn1Spec=rfc5280.Certificate())
    old = rfc5280.TBSCertificate()
    for part in ("serialNumber", "signature", "issuer", "validity", "subject", "subjectPublicKeyInfo"):
        old[part] = certificate["tbsCertificate"][part]
    certificate["tbsCertificate"] = old
    return armoured("CERTIFICATE", encoder.encode(certificate))


def subject(*attributes: tuple[str, int, bytes]) -> rfc5280.Name:
    """A name of (OID, tag of the string type, octets)."""
    sequence = rfc5280.RDNSequence()
    for place, (oid, kind, octets) in enumerate(attributes):
        one = rfc5280.AttributeTypeAndValue()
        one["type"], one["value"] = univ.ObjectIdentifier(oid), univ.Any(element(kind, octets))
        sequence[place] = rfc5280.RelativeDistinguishedName()
        sequence[place][0] = one
    name = rfc5280.Name()
    name["rdnSequence"] = sequence
    return name


def element(kind: int, octets: bytes) -> bytes:
    """One string in DER."""
    return encoder.encode(univ.OctetString(octets).subtype(implicitTag=tag.Tag(0, 0, kind)))


def with_subject(*attributes: tuple[str, int, bytes]) -> str:
    name = subject(*attributes)
    return armoured("CERTIFICATE", altered(material().leaf.der, subject=name, issuer=name))


def with_names(*names: x509.GeneralName, cn: str = "many.example.org") -> str:
    key = p256()
    extensions = [(x509.SubjectAlternativeName(list(names)), False)]
    return as_pem(pki_material.certificate(pki_material.name(cn), key, material().intermediate, extensions=extensions))


def tagged(number: int, content: bytes, *, constructed: bool = False) -> bytes:
    """An element with a tag of its context; the library would look at what it writes, strangers do not."""
    size = len(content)
    length = (
        bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else bytes([0x82, size >> 8, size & 0xFF])
    )
    return bytes([0x80 | number | (0x20 if constructed else 0)]) + length + content


def general_names(text: str) -> bytes:
    """A SubjectAltName with this text in each kind of name."""
    octets, plain = text.encode(), text.encode("ascii", "replace")
    other = encoder.encode(univ.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")) + tagged(
        0, element(UTF8, octets), constructed=True
    )
    directory = encoder.encode(subject(("2.5.4.10", UTF8, octets)))
    found = [
        tagged(0, other, constructed=True),
        tagged(1, plain + b"@example.org"),
        tagged(2, plain),
        tagged(4, directory, constructed=True),
        tagged(6, b"https://example.org/" + plain),
        tagged(8, b"\x2a\x03\x04"),
    ]
    whole = tagged(0, b"".join(found))
    return b"\x30" + whole[1:]


def everywhere(text: str) -> str:
    """A certificate with this text in every part of its subject and issuer, in each kind of name, and in its pointers."""
    octets = text.encode()
    url = x509.UniformResourceIdentifier("https://example.org/" + text.encode("ascii", "replace").decode())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), general_names(text)), False),
        (x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]), False),
        (
            x509.AuthorityInformationAccess([x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1"), url)]),
            False,
        ),
    ]
    made = pki_material.certificate(pki_material.name("x"), p256(), material().intermediate, extensions=extensions)
    held = (COMMON_NAME, "2.5.4.10", "2.5.4.11", "2.5.4.13", "1.2.840.113549.1.9.1")
    name = subject(*((oid, UTF8, octets) for oid in held))
    return armoured("CERTIFICATE", altered(made.public_bytes(Encoding.DER), subject=name, issuer=name))
