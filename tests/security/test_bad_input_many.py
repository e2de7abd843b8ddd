"""The page that imports many at once, with what no browser would send: no row, no failure, and a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from pki import containers
from tests.pki_material import as_pem, certificate, key_as_pem, material, name, p256
from tests.security.bad_input import FORM, SLOW, Answer, post, send_file
from tests.security.test_bad_input_pages import ANYTHING, BODIES_OF_FORMS
from tests.security.world import World

pytestmark = pytest.mark.django_db

MANY = "/certificates/import/many"
USUAL = {"owner": "alice@example.org", "confirmed": "1"}
FIELDS = ("body", "passphrase", "chain", "private_key", "owner", "name", "description", "replaces", "row", "once")
SAYS_SO = ('role="alert"', "errorlist", "Of no use", "Nothing was imported")


def refused(answer: Answer) -> bool:
    text = answer.response.content.decode(errors="replace")
    quiet = not answer.grown and answer.seconds < SLOW
    return answer.status in (200, 400) and quiet and any(words in text for words in SAYS_SO)


def test_any_value_in_any_field(world: World) -> None:
    client = world.client("admin", api=False)
    leaf = material().leaf.pem
    for value in ANYTHING:
        for field in FIELDS:
            given: dict[str, Any] = {**USUAL, "body": leaf, field: value}
            answer = post(client, MANY, given)
            assert refused(answer), (field, value[:40], answer.status, answer.response.content[:300])
        assert refused(post(client, MANY, dict.fromkeys((*FIELDS, "confirmed"), value))), value[:40]


@pytest.mark.parametrize(("raw", "content_type"), BODIES_OF_FORMS.values(), ids=BODIES_OF_FORMS)
def test_bodies_that_are_no_forms(raw: bytes, content_type: str, world: World) -> None:
    answer = post(world.client("admin", api=False), MANY, raw, content_type)
    assert (answer.status, answer.grown) == (400, frozenset())


def test_bodies_beyond_the_limit(world: World) -> None:
    answer = post(world.client("admin", api=False), MANY, {**USUAL, "padding": "x" * settings.MAX_BODY}, FORM)
    assert (answer.status, answer.grown) == (400, frozenset())
    assert f"{settings.MAX_BODY:,}" in answer.response.content.decode()


def namesakes() -> bytes:
    """Each may have issued each other by its name; none has."""
    return "".join(
        as_pem(certificate(name("Same"), p256())) for _ in range(settings.MAX_CERTIFICATES_IN_IMPORT)
    ).encode()


FILES = {
    "nothing": lambda: b"",
    "a NUL": lambda: b"\0",
    "too large": lambda: b"0" * (settings.MAX_PEM_IN_IMPORT + 1),
    "begins without end": lambda: b"-----BEGIN CERTIFICATE-----\n" * 70_000,
    "empty blocks": lambda: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" * 35_000,
    "other blocks": lambda: b"-----BEGIN X-----\n-----END X-----\n" * 60_000,
    "keys of nobody": lambda: key_as_pem(p256()).encode() * 1000,
    "a PKCS#12 under another passphrase": lambda: containers.pkcs12(
        "x", material().leaf.key, material().leaf.certificate, [], "another"
    ),
    "namesakes": namesakes,
}


@pytest.mark.parametrize("named", FILES)
def test_files_that_keep_us_busy_or_are_none(named: str, world: World) -> None:
    client = world.client("admin", api=False)
    answer = send_file(client, MANY, name=b"<b>\xe2\x80\xae.pem", data=FILES[named](), passphrase="x", **USUAL)
    assert refused(answer), (answer.status, answer.seconds, answer.grown, answer.response.content[-3000:])
    text = answer.response.content.decode()
    assert "<b>\u202e" not in text
    assert "\u202e" not in text
