"""Certificates with strange numbers, sizes, letters and markup in them: taken in or refused, and harmless wherever shown."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import tag, univ
from pyasn1_alt_modules import rfc5280

from certificates import service
from certificates.models import Certificate
from core.errors import DomainError
from tests import pki_material
from tests.pki_material import as_pem, material, p256
from tests.security.bad_input import FORM, Answer, uploaded, watched
from tests.security.table import rows as table
from tests.security.table import shape
from tests.security.test_bad_input_pem import armoured
from tests.security.test_matrix import routes
from tests.security.world import World

pytestmark = pytest.mark.django_db

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
    signed = certificate["tbsCertificate"]
    for part, value in changes.items():
        if value is None:
            signed[part] = signed[part].clone(cloneValueFlag=False) if False else univ.noValue
        else:
            signed[part] = value
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
    name = rfc5280.Name()
    name["rdnSequence"].extend([])
    for place, (oid, kind, octets) in enumerate(attributes):
        one = rfc5280.AttributeTypeAndValue()
        one["type"], one["value"] = univ.ObjectIdentifier(oid), univ.Any(element(kind, octets))
        name["rdnSequence"][place][0] = one
    return name


def element(kind: int, octets: bytes) -> bytes:
    return encoder.encode(univ.OctetString(octets).subtype(implicitTag=tag.Tag(0, 0, kind)))


def with_subject(*attributes: tuple[str, int, bytes]) -> str:
    name = subject(*attributes)
    return armoured("CERTIFICATE", altered(material().leaf.der, subject=name, issuer=name))


def with_names(*names: x509.GeneralName, cn: str = "many.example.org") -> str:
    key = p256()
    extensions = [(x509.SubjectAlternativeName(list(names)), False)]
    return as_pem(pki_material.certificate(pki_material.name(cn), key, material().intermediate, extensions=extensions))


def everywhere(text: str) -> str:
    """A certificate with this text in every part of its subject, and in each kind of name that can hold it."""
    octets = text.encode()
    plain = text.encode("ascii", "replace").decode()
    names = [
        x509.DNSName(plain),
        x509.RFC822Name(f"{plain}@example.org"),
        x509.UniformResourceIdentifier(f"https://example.org/{plain}"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), element(UTF8, octets)),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text[:64])])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
    ]
    key = p256()
    points = x509.CRLDistributionPoints([x509.DistributionPoint([names[2]], None, None, None)])
    access = x509.AuthorityInformationAccess(
        [x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1"), names[2])]
    )
    made = pki_material.certificate(
        pki_material.name("placeholder"),
        key,
        material().intermediate,
        extensions=[(x509.SubjectAlternativeName(names), False), (points, False), (access, False)],
    )
    held = [
        (oid.dotted_string, UTF8, octets)
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.EMAIL_ADDRESS)
    ]
    name = subject(*held, ("2.5.4.11", UTF8, octets), ("2.5.4.13", UTF8, octets))
    return armoured("CERTIFICATE", altered(made.public_bytes(Encoding.DER), subject=name, issuer=name))


NUMBERS = {
    "zero": 0,
    "minus one": -1,
    "very negative": -(2**160),
    "20 octets": 2**159,
    "21 octets": 2**160,
    "52 octets": 2**415,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_strange_serial_numbers(number: int, world: World) -> None:
    """Found again under every spelling."""
    with undone_upload(world, with_serial(number)) as one:
        assert one.serial == str(number)
        shown = world.client("admin", api=True).get(f"/api/1/certificates/{one.pk}").json()
        assert (shown["serial"], int(shown["serialHex"], 16)) == (str(number), number)
        for spelling in {str(number), *([f"0x{number:x}"] if number >= 0 else [])}:
            found = world.client("admin", api=True).get(f"/api/1/certificates?serial={spelling}").json()
            assert one.pk in [item["id"] for item in found["items"]], spelling
        assert world.client("admin", api=False).get(f"/certificates/{one.pk}").status_code == 200


class undone_upload:
    """An import that is undone after the block."""

    def __init__(self, world: World, body: str, **fields: Any) -> None:
        self.world, self.body, self.fields = world, body, fields

    def __enter__(self) -> Certificate:
        self.block = transaction.atomic()
        self.block.__enter__()
        by = self.world.users["root"]
        try:
            return service.upload(by=by, owner="alice@example.org", body=self.body, **self.fields)
        except BaseException as error:
            self.block.__exit__(type(error), error, None)
            raise

    def __exit__(self, *error: Any) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(*error)


@pytest.mark.parametrize("number", [2**420, 2**4000, -(2**420), 2**100_000])
def test_serial_numbers_of_absurd_length(number: int, world: World) -> None:
    assert not uploaded(with_serial(number), world).refused(
        naming="body", saying="serial number is longer than 52 octets"
    )
