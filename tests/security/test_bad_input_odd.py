"""Certificates with strange numbers, sizes and letters: taken in or refused with a reason, and shown everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from pyasn1.codec.der import encoder
from pyasn1.type import univ

from certificates.models import Certificate
from tests import pki_material
from tests.daily import samples
from tests.pki_material import as_pem, material, p256
from tests.security.bad_input import undone_upload, uploaded, watched
from tests.security.odd_certificates import (
    BMP,
    COMMON_NAME,
    PRINTABLE,
    T61,
    UNIVERSAL,
    UTF8,
    version_one,
    with_names,
    with_serial,
    with_subject,
)
from tests.security.world import World

pytestmark = pytest.mark.django_db

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


@pytest.mark.parametrize("bits", [420, 4_000, 100_000])
def test_serial_numbers_of_absurd_length(bits: int, world: World) -> None:
    for number in (2**bits, -(2**bits)):
        assert not uploaded(with_serial(number), world).refused(
            naming="body", saying="serial number is longer than 52 octets"
        )


def shows(certificate: Certificate, world: World) -> None:
    """Everything that shows it answers, quickly enough."""
    api, pages, staff = (world.client(who, api=who == "admin") for who in ("admin", "owner", "superuser"))
    assert api.get(f"/api/1/certificates/{certificate.pk}").json()["body"] == certificate.body
    for client, address in (
        (api, "/api/1/certificates?count=1000"),
        (pages, "/"),
        (pages, "/certificates/"),
        (pages, f"/certificates/{certificate.pk}"),
        (pages, f"/certificates/{certificate.pk}/export"),
        (staff, "/admin/certificates/certificate/"),
        (staff, f"/admin/certificates/certificate/{certificate.pk}/change/"),
    ):
        answer = watched(lambda client=client, address=address: client.get(address))  # type: ignore[misc]
        assert answer.status == 200, address
        assert answer.seconds < 3, address


ODD: dict[str, Callable[[], str]] = {
    "version 1": version_one,
    "no subject": lambda: with_subject(),
    "an empty common name": lambda: with_subject((COMMON_NAME, UTF8, b"")),
    "a blank common name": lambda: with_subject((COMMON_NAME, UTF8, b" \t ")),
    "two common names": lambda: with_subject((COMMON_NAME, UTF8, b"a.example"), (COMMON_NAME, UTF8, b"b.example")),
    "BMPString": lambda: with_subject((COMMON_NAME, BMP, "Zürich ☃".encode("utf-16-be"))),
    "half a surrogate pair in a BMPString": lambda: with_subject((COMMON_NAME, BMP, b"\xd8\x3d\0a")),
    "an odd BMPString": lambda: with_subject((COMMON_NAME, BMP, b"\0a\0")),
    "T61String": lambda: with_subject((COMMON_NAME, T61, b"Zuerich")),
    "T61String in Latin-1": lambda: with_subject((COMMON_NAME, T61, "Zürich".encode("latin-1"))),
    "UniversalString": lambda: with_subject((COMMON_NAME, UNIVERSAL, "Zürich 🦊".encode("utf-32-be"))),
    "a PrintableString that is none": lambda: with_subject((COMMON_NAME, PRINTABLE, b"a*b@example_org")),
    "UTF-8 that is none": lambda: with_subject((COMMON_NAME, UTF8, b"a\xff\xfe")),
    "NUL in the common name": lambda: with_subject((COMMON_NAME, UTF8, b"bank.example\0.evil.example")),
    "NUL in the organisation": lambda: with_subject(("2.5.4.10", UTF8, b"a\0b")),
    "a common name of 128 letters": lambda: with_subject((COMMON_NAME, UTF8, b"x" * 128)),
    "a common name of 129 letters": lambda: with_subject((COMMON_NAME, UTF8, b"x" * 129)),
    "a common name of a megabyte": lambda: with_subject((COMMON_NAME, UTF8, b"x" * 1_000_000)),
    "letters that grow": lambda: with_subject((COMMON_NAME, UTF8, "ﷺ".encode() * 128)),
    "an organisation of a megabyte": lambda: with_subject(("2.5.4.10", UTF8, "ﷺ".encode() * 300_000)),
    "a thousand attributes": lambda: with_subject(*[("2.5.4.11", UTF8, b"unit")] * 1000),
    "an unknown attribute": lambda: with_subject(("1.2.3.4.5", UTF8, b"x")),
    "an attribute that is a number": lambda: with_subject((COMMON_NAME, 0x02, b"\x05")),
    "a name of 254 letters": lambda: with_names(x509.DNSName("a." * 125 + "org")),
    "a name of 300 letters": lambda: with_names(x509.DNSName("a" * 300)),
    "an empty name": lambda: with_names(x509.DNSName("")),
    "a name with a line break": lambda: with_names(x509.DNSName("a\r\nb")),
    "a name with NUL": lambda: with_names(x509.DNSName("bank.example\0.evil.example")),
    "a URI that is none": lambda: with_names(x509.UniformResourceIdentifier("javascript:alert(1)//\x1b")),
}


@pytest.mark.parametrize("made", samples(ODD.values(), every=3), ids=samples(ODD, every=3))
def test_odd_certificates(made: Callable[[], str], world: World) -> None:
    body = made()
    answer = uploaded(body, world)
    if answer.status != 200:
        assert not answer.refused(naming="body")
        return
    with undone_upload(world, body) as certificate:
        shows(certificate, world)


TAKEN = (
    "version 1",
    "no subject",
    "BMPString",
    "T61String",
    "UniversalString",
    "two common names",
    "a common name of 128 letters",
)


def test_the_common_ones_among_them_are_taken(world: World) -> None:
    for name in TAKEN:
        assert uploaded(ODD[name](), world).status == 200, name


def test_ten_thousand_names(world: World) -> None:
    body = with_names(*(x509.DNSName(f"host{number}.example.org") for number in range(10_000)))
    began = time.process_time()
    with undone_upload(world, body) as certificate:
        assert time.process_time() - began < 5
        assert certificate.domains.count() == 10_000
        shows(certificate, world)


def test_more_names_than_are_taken(world: World, settings: Any) -> None:
    settings.MAX_NAMES_IN_IMPORT = 50
    names = [x509.DNSName(f"host{number}.example.org") for number in range(51)]
    assert uploaded(with_names(*names[:50]), world).status == 200
    assert not uploaded(with_names(*names), world).refused(naming="body", saying="more than 50 names")


def test_an_extension_of_a_megabyte(world: World) -> None:
    key = p256()
    huge = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.2.3.4"), encoder.encode(univ.OctetString(bytes(1_000_000)))
    )
    body = as_pem(
        pki_material.certificate(
            pki_material.name("huge.example.org"), key, material().intermediate, extensions=[(huge, False)]
        )
    )
    with undone_upload(world, body) as certificate:
        shows(certificate, world)


def test_ten_thousand_extensions(world: World) -> None:
    key = p256()
    many = [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{number}"), b"\x05\x00"), False)
        for number in range(2_000)
    ]
    body = as_pem(
        pki_material.certificate(pki_material.name("many.example.org"), key, material().intermediate, extensions=many)
    )
    with undone_upload(world, body) as certificate:
        shows(certificate, world)
