"""Markup, formulas and control characters in certificates and requests: text wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse

from certificates import service
from certificates.models import Certificate
from core.errors import DomainError
from tests.security.odd_certificates import MARKUP, everywhere
from tests.security.test_matrix import routes
from tests.security.world import World

pytestmark = pytest.mark.django_db


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
    for text in filter(re.compile("[<{]").search, MARKUP.values()):
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
        client.get("/login?next=%00"),
        client.get("/api/1/certificates?q=%00"),
        client.post("/login", {"username": "x" * settings.MAX_BODY}),
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
