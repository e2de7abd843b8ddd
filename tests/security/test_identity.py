"""Who somebody is: the session over the API, requests from other sites, and people who are switched off."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler

from accounts.models import User
from tests.security.asking import API, requests
from tests.security.table import Row, rows
from tests.security.world import World

pytestmark = pytest.mark.django_db

# They look at no session: one takes a password instead, the other is asked by machines everywhere and writes nothing.
OPEN = ("/api/1/auth/login", "/pki/{own}/ocsp")
WRITING = [row for row in rows() if row.method != "GET" and row.address not in OPEN]
FROM_ELSEWHERE = ClientHandler(enforce_csrf_checks=True)


def sent(row: Row, client: Client, world: World) -> Iterator[HttpResponse]:
    for address, body in requests(row, "admin", world):
        if address.startswith(API):
            yield client.generic(row.method, address, json.dumps(body), content_type="application/json")
        else:
            yield client.generic(row.method, address, "", content_type="application/x-www-form-urlencoded")


def test_another_site_can_make_nobody_write(world: World) -> None:
    """The browser sends the session along, and nobody but our own pages can add the token against forgery."""
    wrong = []
    for row in WRITING:
        client = world.client("superuser", api=False)
        client.handler = FROM_ELSEWHERE
        wrong += [f"{row}: {answer.status_code}" for answer in sent(row, client, world) if answer.status_code != 403]
    assert not wrong, "\n".join(wrong)


def test_the_session_opens_the_api_with_the_same_rights(world: World) -> None:
    own, foreign = (world.certificates[which].pk for which in ("own", "foreign"))
    client = world.client("team", api=False)
    codes = [client.get(f"/api/1/certificates/{pk}/key").status_code for pk in (own, foreign)]
    assert [*codes, client.get("/api/1/auth/me").json()["username"]] == [200, 403, "bob"]


@pytest.mark.parametrize("person", ["owner", "admin"])
def test_whoever_is_switched_off_is_nobody(person: str, world: World) -> None:
    """From the next request on, without anybody revoking tokens or ending sessions."""
    name = {"owner": "alice", "admin": "root"}[person]
    User.objects.filter(username=name).update(is_active=False)
    answer = world.client(person, api=True).get("/api/1/certificates")
    assert (answer.status_code, answer.json()["message"]) == (403, "User is not currently active")
    assert world.client(person, api=False).get("/certificates/")["Location"].startswith("/login")
    assert world.client(person, api=False).get("/api/1/certificates", headers={"Accept": "*/*"}).status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Bearer a b", "Bearer \xff"]
)
def test_no_token_is_no_identity(header: str) -> None:
    answer = Client().get("/api/1/auth/me", headers={"Authorization": header})
    assert answer.status_code in (401, 403)
