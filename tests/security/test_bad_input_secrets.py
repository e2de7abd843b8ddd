"""A secret in a request that goes wrong is said back to nobody: not in the answer, not in the logs, not in the audit log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from django.conf import settings as site
from django.http import HttpResponse

from core.models import AuditEntry, IdempotentAnswer
from pki import containers
from tests import pki_material
from tests.pki_material import material
from tests.security.bad_input import FORM, JSON, Door, armoured, door, doors, send_file
from tests.security.world import World, found, private_number, spellings

pytestmark = pytest.mark.django_db

PASSPHRASE, PASSWORD, TOKEN = (
    "Canary#passphrase#1",
    "canary-password-9XyZw",
    "canary-token-0123456789abcdefghijklmnopqrstu",
)
PAIR = pki_material.Pair(material().leaf.certificate, material().leaf.key)
OTHER = material().wildcard_leaf.pem
NEEDLES = {
    "the key": spellings(private_number(PAIR.key)),  # type: ignore[arg-type]
    "the passphrase": spellings(PASSPHRASE.encode()),
    "the password": spellings(PASSWORD.encode()),
    "the token": spellings(TOKEN.encode()),
}
KEY = PAIR.key_pem
WRONG_PLACES = (
    "body",
    "chain",
    "csr",
    "publicCert",
    "intermediateCert",
    "owner",
    "rotation",
    "notify",
    "replaces",
    "roles",
    "authority",
)


def encrypted() -> str:
    return PAIR.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
    ).decode()


def p12() -> bytes:
    return containers.pkcs12("www", PAIR.key, PAIR.certificate, (), PASSPHRASE)


def spoiled_keys() -> Iterator[Any]:
    """The key in other shapes than a text, and damaged so that most of it is still there."""
    yield from (
        [KEY],
        {"pem": KEY},
        KEY[:-30],
        KEY * 2,
        KEY + PAIR.pem,
        KEY.replace("PRIVATE KEY", "SECRET"),
        KEY.replace("\n", " "),
    )
    yield from (
        KEY.replace("-----", "----"),
        KEY.replace("BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY"),
        "x" + KEY,
        KEY[28:],
        KEY + "\u202e",
    )


def over_the_api(world: World) -> Iterator[HttpResponse]:
    """Requests of the API with the key or a passphrase in them, all of them wrong in some way."""
    upload, take_over = door(world, "POST /api/1/certificates/upload"), door(world, "POST /api/1/authorities/import")
    for one, body in ((upload, OTHER), (take_over, OTHER), (take_over, PAIR.pem)):
        given = {**one.body, "body": body, "privateKey": KEY}
        yield one.ask(given).response
        for key in spoiled_keys():
            yield one.ask({**given, "privateKey": key}).response
        yield one.ask({**given, "privateKey": encrypted()}).response
    for place in WRONG_PLACES:
        yield upload.ask({**upload.body, "body": PAIR.pem, place: KEY}).response
        yield upload.ask({**upload.body, "body": PAIR.pem, place: [KEY]}).response
    yield from broken_around(upload, {"owner": "alice@example.org", "body": PAIR.pem, "privateKey": KEY})
    export = door(world, "POST /api/1/certificates/{}/export", "owner")
    for options in passphrases():
        yield export.ask({"plugin": {"slug": "openssl-export", "pluginOptions": options}}).response
        yield export.ask({"plugin": {"slug": "nothing", "pluginOptions": options}}).response


def broken_around(one: Door, body: dict[str, Any]) -> Iterator[HttpResponse]:
    """The same body where it is read no further than its form."""
    text = json.dumps(body)
    for raw in (
        text[:-1],
        text + text,
        text[:-2] + '\n"}',
        text[:-1] + ', "a": NaN}',
        text[:-1] + ', "owner": 1}',
        f"[{text}]",
        f'"{KEY}"',
    ):
        yield one.ask(raw.encode()).response
    for content_type in (FORM, "text/plain", "application/xml", JSON + "; charset=utf-16"):
        yield one.ask(text.encode(), content_type).response
    yield one.ask(text.encode() + b"\xff").response
    yield one.ask({**body, "padding": "x" * site.MAX_BODY}).response
    yield one.ask(body, **{"Idempotency-Key": "bad key with spaces"}).response


def passphrases() -> Iterator[Any]:
    for value in (PASSPHRASE + "\n", PASSPHRASE + " é", [PASSPHRASE], {"a": PASSPHRASE}):
        yield [{"name": "type", "value": "PKCS12 (.p12)"}, {"name": "passphrase", "value": value}]
    yield [{"name": "type", "value": "no such type"}, {"name": "passphrase", "value": PASSPHRASE}]
    yield {"passphrase": PASSPHRASE, "type": 5}
    yield [{"name": "passphrase", "value": PASSPHRASE}, {"name": "passphrase", "value": PASSPHRASE}]


def on_the_pages(world: World) -> Iterator[HttpResponse]:
    """The pages that import one and many, with keys and passphrases that do not fit."""
    for address in ("/certificates/import", "/certificates/import/many"):
        yield from _importing(world, address)


def _importing(world: World, address: str) -> Iterator[HttpResponse]:
    client = world.client("admin", api=False)
    usual = {"owner": "alice@example.org", "passphrase": PASSPHRASE}
    for body in (
        {"body": OTHER, "private_key": KEY},
        {"body": PAIR.pem, "private_key": KEY[:-30] + "-----END PRIVATE KEY-----"},
        {"body": PAIR.pem, "private_key": KEY, "owner": "no address"},
        {"body": PAIR.pem + KEY},
        {"body": KEY, "owner": "no address"},
        {"body": PAIR.pem, "chain": KEY},
        {"body": PAIR.pem, "private_key": encrypted()},
    ):
        yield client.post(address, {**usual, **body})
    yield client.post("/certificates/new", {"csr": KEY, "owner": "x"})
    yield client.post(
        "/certificates/new", {"csr": KEY, "owner": "alice@example.org", "authority": world.authorities["own"].pk}
    )
    for data in (
        OTHER.encode() + KEY.encode(),
        KEY.encode(),
        KEY.encode() * 2,
        p12()[:-5],
        p12() + b"x",
        encrypted().encode(),
    ):
        yield send_file(client, address, name=b"a", data=data, **usual).response
    yield send_file(
        client, address, name=b"a", data=p12(), owner="alice@example.org", passphrase=PASSPHRASE + "x"
    ).response
    yield send_file(client, address, name=KEY[28:90].replace("\n", "").encode(), data=b"x", owner="no address").response


def logging_in(world: World) -> Iterator[HttpResponse]:
    """Passwords and tokens that open nothing, and those of the wrong kind."""
    for name in ("bob", "no such person", PASSWORD):
        for body in (
            {"username": name, "password": PASSWORD},
            {"username": name, "password": [PASSWORD]},
            {"username": {name: PASSWORD}},
        ):
            yield doors(world)["POST /api/1/auth/login"].ask(body).response
        if name != PASSWORD:  # the form shows the name again, so that it can be corrected
            yield world.client("nobody", api=False).post("/login", {"username": name, "password": PASSWORD})
    client = world.client("nobody", api=True)
    for header in (f"Bearer {TOKEN}", TOKEN, f"Bearer {TOKEN} {TOKEN}", f"Basic {TOKEN}", f"Bearer {TOKEN}\xff"):
        yield client.get("/api/1/certificates", headers={"authorization": header})
        yield client.post("/api/1/certificates", b"{", content_type=JSON, headers={"authorization": header})


@pytest.mark.parametrize("requests", [over_the_api, on_the_pages, logging_in])
def test_secrets_in_requests_that_go_wrong(requests: Any, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    number = 0
    for number, answer in enumerate(requests(world), start=1):
        assert answer.status_code in (200, 302, 400, 401, 403, 413, 415, 429), answer.content[:200]
        said = answer.content.replace(b"\r", b"") if requests is not logging_in else answer.content
        assert found(said, NEEDLES) == [], (number, answer.content[:500])
    assert number > 15
    written = "\n".join(f"{entry.details} {entry.context} {entry.target_name}" for entry in AuditEntry.objects.all())
    written += json.dumps([answer.body for answer in IdempotentAnswer.objects.all()])
    assert found(written.encode(), NEEDLES) == []
    assert caplog.records
    assert found(caplog.text.encode("utf-8", "replace"), NEEDLES) == []


def test_a_failure_of_ours_says_nothing_either(world: World, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    """With a traceback in the log, and a number to find it by in the answer."""
    settings.KEY_CUSTODY = "no such custody"
    caplog.set_level(logging.DEBUG)
    one = door(world, "POST /api/1/certificates/upload")
    answer = one.ask({**one.body, "body": PAIR.pem, "privateKey": KEY}).response
    page = world.client("admin", api=False).post(
        "/certificates/import", {"owner": "alice@example.org", "body": PAIR.pem, "private_key": KEY}
    )
    assert (answer.status_code, page.status_code) == (500, 500)
    assert "Traceback" in caplog.text
    for text in (answer.content, page.content, caplog.text.encode()):
        assert found(text, NEEDLES) == []
        assert b"Traceback" not in text or text == caplog.text.encode()


def test_the_search_finds_what_it_looks_for() -> None:
    """In a PEM file whose lines are broken elsewhere, in a repr, and in a page."""
    for text in (KEY, repr(KEY), KEY.replace("\n", "\r\n"), armoured("PRIVATE KEY", b"\0" + private_number(PAIR.key))):  # type: ignore[arg-type]
        assert found(text.encode().replace(b"\r", b""), NEEDLES) == ["the key"]
    assert found(f"a {PASSPHRASE} b".encode(), NEEDLES) == ["the passphrase"]
