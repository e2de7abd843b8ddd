"""Keys, passphrases, tokens and digests are in no answer but the one that is for them; nor is what somebody sent in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import ApiKey
from core.models import AuditEntry, IdempotentAnswer, StoredKey
from tests import pki_material
from tests.people import PASSWORD
from tests.security.asking import API, answers
from tests.security.table import Row, rows
from tests.security.world import SHARED, World, found, private_number, spellings

pytestmark = pytest.mark.django_db

PASSPHRASE = "Canary*passphrase*1"
READING = [row for row in rows() if row.method == "GET" and not row.address.endswith("/key")]
# The only other answers that hold a secret, and which.
SHOWN = ["GET /api/1/roles/{own}/credentials: the team's password"]


def post(world: World, address: str, body: dict[str, Any], **headers: str) -> HttpResponse:
    """To the API, as the administrator."""
    client = world.client("admin", api=True)
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)


def use_everything(world: World) -> dict[str, list[bytes]]:
    """Do once whatever handles a secret, and return the spellings of the secrets that came out."""
    pk = world.certificates["own"].pk
    options = [{"name": "type", "value": "PKCS12 (.p12)"}, {"name": "passphrase", "value": PASSPHRASE}]
    export = {"plugin": {"slug": "openssl-export", "pluginOptions": options}}
    assert post(world, f"/api/1/certificates/{pk}/export", export).status_code == 200
    assert world.client("admin", api=True).get(f"/api/1/certificates/{pk}/key").status_code == 200
    _, leaf = world.uploads
    upload = {"owner": "alice@example.org", "body": leaf.pem, "privateKey": leaf.key_pem}
    assert post(world, "/api/1/certificates/upload", upload, **{"Idempotency-Key": "once"}).status_code == 200
    login = post(world, "/api/1/auth/login", {"username": "bob", "password": PASSWORD})
    token = login.json()["token"]
    digest = ApiKey.objects.latest("pk").digest
    new = {"the passphrase": PASSPHRASE, "a new token": token, "its digest": digest}
    return {name: spellings(secret.encode()) for name, secret in new.items()}


def test_nothing_that_can_be_read_holds_a_secret(world: World) -> None:
    """As those who see most: the administrator over the API, the superuser on pages and in the admin site."""
    used = use_everything(world)
    leaks = []
    for row in READING:
        person = "admin" if row.address.startswith(API) else "superuser"
        for answer in answers(row, person, world):
            said = answer.getvalue()
            leaks += [f"{row}: {name}" for name in [*world.secrets_in(said), *found(said, used)]]
    assert leaks == SHOWN, "\n".join(leaks)


@pytest.mark.parametrize("person", ["team", "admin"])
def test_each_reading_of_a_shared_password_is_written_down_and_kept_nowhere(person: str, world: World) -> None:
    for method, address, api in (
        ("GET", "/api/1/roles/{}/credentials", True),
        ("POST", "/roles/{}/credentials", False),
    ):
        before = AuditEntry.objects.filter(event="credentials.revealed").count()
        answer = world.client(person, api=api).generic(method, address.format(world.team.pk))
        assert SHARED in answer.getvalue().decode()
        assert "no-store" in answer["Cache-Control"]
        assert AuditEntry.objects.filter(event="credentials.revealed").count() == before + 1


def test_nothing_that_is_written_down_holds_a_secret(world: World) -> None:
    """The audit log and the answers that are kept; keys are sealed, of tokens there are digests."""
    used = use_everything(world)
    del used["its digest"]
    texts = [f"{entry.details} {entry.context} {entry.target_name}" for entry in AuditEntry.objects.all()]
    texts += [json.dumps(answer.body) for answer in IdempotentAnswer.objects.all()]
    text = "\n".join(texts).encode()
    assert world.secrets_in(text) == found(text, used) == []
    kept = b"".join(bytes(stored.reference) for stored in StoredKey.objects.all())
    assert [name for name in world.secrets_in(kept) if not name.startswith("sealed ")] == []


def bad_uploads(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    """Requests that are refused, each with a private key in it."""
    ca, leaf = world.uploads
    broken = leaf.key_pem.replace("-----END PRIVATE KEY-----", "-----END NONSENSE-----")
    for body, key in ((ca.pem, leaf.key_pem), ("no certificate", leaf.key_pem), (leaf.pem, broken)):
        yield "/api/1/certificates/upload", {"owner": "alice@example.org", "body": body, "privateKey": key}
        yield "/certificates/import", {"owner": "alice@example.org", "body": body, "private_key": key}
    yield "/api/1/certificates/upload", {"owner": "no address", "body": leaf.key_pem}
    yield "/certificates/import", {"owner": "no address", "body": leaf.pem, "private_key": leaf.key_pem}
    taken = {"name": "New", "owner": "pki@example.org", "body": leaf.pem, "privateKey": leaf.key_pem}
    yield "/api/1/authorities/import", taken


def test_refusals_do_not_repeat_the_key_that_was_sent(world: World) -> None:
    wrong = []
    for address, body in bad_uploads(world):
        api = address.startswith(API)
        client = world.client("admin", api=api)
        answer = post(world, address, body) if api else client.post(address, body)
        if answer.status_code != 400 or world.secrets_in(answer.getvalue()):
            wrong.append(f"{address} {sorted(body)}: {answer.status_code}, {world.secrets_in(answer.getvalue())}")
    assert not wrong, "\n".join(wrong)


def test_refusals_do_not_repeat_a_password_or_passphrase(world: World) -> None:
    """The page that exports is an exception: it shows the passphrase, so that it can be copied."""
    pk = world.certificates["own"].pk
    options = [{"name": "type", "value": "no such type"}, {"name": "passphrase", "value": PASSPHRASE}]
    export = {"plugin": {"slug": "openssl-export", "pluginOptions": options}}
    over_api = post(world, f"/api/1/certificates/{pk}/export", export)
    fields = {"owner": "alice@example.org", "body": "no certificate", "passphrase": PASSPHRASE}
    page = world.client("owner", api=False).post("/certificates/import", fields)
    log_in = world.client("nobody", api=False).post("/login", {"username": "bob", "password": PASSPHRASE})
    assert (over_api.status_code, page.status_code, log_in.status_code) == (400, 400, 200)
    assert [PASSPHRASE.encode() in answer.getvalue() for answer in (over_api, page, log_in)] == [False] * 3


def test_keys_are_recognised_however_they_are_spelled() -> None:
    """The needles are found in every form in which such a key could be written."""
    pair = pki_material.p256()
    number = private_number(pair)
    forms = [pki_material.key_as_pem(pair).encode(), number.hex().encode(), number]
    assert [found(form, {"it": spellings(number)}) for form in forms] == [["it"]] * 3


def test_the_table_has_something_to_read() -> None:
    assert len(READING) > 40
    assert isinstance(READING[0], Row)
