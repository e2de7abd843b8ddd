"""Certificates with strange numbers, sizes, letters and markup in them: taken in or refused, and harmless wherever shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.http import HttpResponse
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import tag, univ
from pyasn1_alt_modules import rfc5280

from certificates import service
from certificates.models import Certificate
from core.errors import DomainError
from tests import pki_material
from tests.pki_material import as_pem, material, p256
from tests.security.bad_input import uploaded, watched
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


@contextmanager
def undone_upload(world: World, body: str) -> Iterator[Certificate]:
    """An import that is undone after the block."""
    with transaction.atomic():
        yield service.upload(by=world.users["root"], owner="alice@example.org", body=body)
        transaction.set_rollback(True)


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


@pytest.mark.parametrize("made", ODD.values(), ids=ODD)
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
    answer = uploaded(body, world)
    assert answer.status == 200
    assert answer.seconds < 10
    assert len(answer.response.json()["domains"]) == 10_000
    with undone_upload(world, body) as certificate:
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


# Pages with strangers' texts in them.
class Reader(HTMLParser):
    """Notes whatever in a page could run, or be anything but text."""

    OURS = re.compile(r"/(static|certificates|authorities|admin|api|login|logout|healthz)?[/?\w.#=&;%+-]*|[?#].*|")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self.texts: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside.append(tag)
        if tag == "script" and not (given.get("src") or "").startswith(("/static/", "/admin/jsi18n/")):
            self.bad.append(f"script {given}")
        if tag in {"iframe", "object", "embed", "base"} or (tag == "img" and given.get("src") == "x"):
            self.bad.append(f"{tag} {given}")
        for name, value in attrs:
            if name.startswith("on") or (
                name in {"href", "src", "action", "formaction"} and not self.OURS.fullmatch(value or "")
            ):
                self.bad.append(f"{tag} {name}={value}")
            if name == "style" and tag != "html":
                self.bad.append(f"{tag} style={value}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: bytes) -> Reader:
    reader = Reader()
    reader.feed(page.decode())
    reader.close()
    return reader


@pytest.fixture(scope="module")
def fleet(world: World) -> dict[str, Certificate]:
    """A certificate for each hostile text that was taken in."""
    found = {}
    for name, text in MARKUP.items():
        try:
            with transaction.atomic():
                found[name] = service.upload(
                    by=world.users["root"],
                    owner="alice@example.org",
                    body=everywhere(text),
                    description=text[:200],
                    name=text,
                )
        except DomainError as error:
            assert error.reasons, name
    return found


def addresses(fleet: dict[str, Certificate]) -> Iterator[str]:
    yield from ("/", "/certificates/", "/certificates/?count=100", "/authorities/", "/admin/certificates/certificate/")
    yield from ("/admin/core/auditentry/", "/admin/certificates/domain/", "/admin/certificates/domain/?all=")
    for certificate in fleet.values():
        base = f"/certificates/{certificate.pk}"
        yield from (base, f"{base}/edit", f"{base}/export", f"/certificates/new?replaces={certificate.pk}")
        yield from (f"/admin/certificates/certificate/{certificate.pk}/change/",)


def test_nearly_all_are_taken_in(fleet: dict[str, Certificate]) -> None:
    assert len(fleet) >= len(MARKUP) - 2, set(MARKUP) - set(fleet)


def test_pages_show_text_and_nothing_else(fleet: dict[str, Certificate], world: World) -> None:
    client, wrong = world.client("superuser", api=False), {}
    for address in addresses(fleet):
        response = client.get(address)
        assert response.status_code == 200, address
        if bad := read(response.content).bad:
            wrong[address] = bad
        for text in MARKUP.values():
            raw = text.encode()
            if b"<" in raw and raw in response.content:
                wrong[address] = [text]
    assert not wrong, wrong


INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x1b\x07]")


def test_invisible_letters_are_seen(fleet: dict[str, Certificate], world: World) -> None:
    """On the pages, where people decide by what they see. Descriptions are people's own words."""
    client = world.client("admin", api=False)
    for name in ("right to left", "isolates", "terminal"):
        Certificate.objects.filter(pk=fleet[name].pk).update(description="")
        for address in (
            "/",
            "/certificates/",
            f"/certificates/{fleet[name].pk}",
            f"/certificates/{fleet[name].pk}/export",
        ):
            page = client.get(address).content.decode()
            assert not INVISIBLE.search(page), (name, address, INVISIBLE.search(page))
    assert "\\u202egpj.example" in client.get(f"/certificates/{fleet['right to left'].pk}").content.decode()


def test_json_is_exact(fleet: dict[str, Certificate], world: World) -> None:
    client = world.client("admin", api=True)
    listed = {item["id"]: item for item in client.get("/api/1/certificates?count=1000").json()["items"]}
    for name, certificate in fleet.items():
        response = client.get(f"/api/1/certificates/{certificate.pk}")
        assert response["Content-Type"] == "application/json"
        shown = response.json()
        assert shown["cn"] == listed[certificate.pk]["cn"] == MARKUP[name].strip(), name
        assert shown["description"] == MARKUP[name][:200]
        kinds = {entry["nameType"] for entry in shown["extensions"]["subAltNames"]["names"]}
        assert kinds == {
            "DNSName",
            "rfc822Name",
            "uniformResourceIdentifier",
            "otherName",
            "directoryName",
            "registeredID",
        }


def test_names_of_downloads(fleet: dict[str, Certificate], world: World) -> None:
    client = world.client("admin", api=False)
    for name, certificate in fleet.items():
        for plugin, options in (
            ("pem-export", {"options-type": "Certificate"}),
            ("der-export", {}),
            ("pkcs7-export", {"options-encoding": "PEM"}),
        ):
            response = client.post(f"/certificates/{certificate.pk}/export?plugin={plugin}", {"sent": "", **options})
            assert response.status_code == 200, (name, plugin, response.content)
            disposition = response["Content-Disposition"]
            assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_-][A-Za-z0-9._-]*"', disposition), disposition
            assert len(disposition) < 300
            assert response["Content-Type"] == "application/octet-stream"
            assert "Set-Cookie" not in response.headers or "evil" not in response["Set-Cookie"]


def test_what_is_asked_for_is_not_said_back_as_markup(world: World) -> None:
    """Queries, addresses and forms that come back in a page."""
    client, wrong = world.client("superuser", api=False), []
    for text in MARKUP.values():
        word = quote(text)
        pages = [
            client.get(f"/certificates/?{name}={word}")
            for name in ("q", "owner", "issuer", "phase", "ordering", "key_type", "authority")
        ]
        pages += [
            client.get(f"/{word}"),
            client.get(f"/certificates/new?authority={word}"),
            client.get(f"/login?next={word}"),
        ]
        pages += [client.get(f"/admin/certificates/certificate/?q={word}"), client.get(f"/admin/{word}/")]
        fields = (
            "names",
            "owner",
            "common_name",
            "description",
            "csr",
            "body",
            "chain",
            "name",
            "organization",
            "validity_start",
        )
        form = dict.fromkeys(fields, text)
        pages += [
            client.post(address, form) for address in ("/certificates/new", "/certificates/import", "/authorities/new")
        ]
        pages += [world.client("nobody", api=False).post("/login", {"username": text, "password": text})]
        for page in pages:
            assert page.status_code in (200, 302, 400, 404)
            if page.status_code != 302 and (bad := read(page.content).bad):
                wrong.append((text, bad))
    assert not wrong, wrong


HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def protected(response: HttpResponse) -> list[str]:
    """What is missing from its headers."""
    missing = [
        name for name, value in HEADERS.items() if name != "Cache-Control" and response.headers.get(name) != value
    ]
    if not re.search("no-store|no-cache", response.headers.get("Cache-Control", "")):
        missing.append("Cache-Control")
    policy = response.headers.get("Content-Security-Policy", "")
    wanted = (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
    if not all(part in policy for part in wanted) or "unsafe" in policy:
        missing.append(f"policy {policy}")
    return missing


def test_every_answer_is_protected(world: World) -> None:
    """Of every address there is, whoever asks, errors included."""
    wrong: dict[str, list[str]] = {}
    pk = str(world.certificates["own"].pk)
    for address, _ in routes():
        url = re.sub(r"<[^>]*>|\(\?P<\w+>[^)]*\)", pk, address.replace("^", "").replace("$", ""))
        for person in ("nobody", "superuser"):
            client = world.client(person, api=address.startswith("/api/"))
            response = client.get(url)
            assert response.status_code < 500, url
            if missing := protected(response):
                wrong[url] = missing
    client = world.client("nobody", api=False)
    for response in (
        client.get("/nothing"),
        client.get("/api/1/nothing"),
        client.post("/login", b"x", content_type="multipart/form-data"),
    ):
        if missing := protected(response):
            wrong[str(response.status_code)] = missing
    assert not wrong, wrong


def test_the_scan_for_markup_finds_it() -> None:
    """Else that nothing was found would mean nothing."""
    for text in ("script", "attribute", "single quotes", "comment"):
        assert read(f'<p title="x">{MARKUP[text]}</p>'.encode()).bad, text
    assert read(b'<a href="javascript:alert(1)">x</a>').bad
    assert not read(b'<a href="/certificates/1">x</a><script src="/static/x.js"></script>').bad
