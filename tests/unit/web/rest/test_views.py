"""A resource as its clients see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from tests.people import api
from tests.unit.web.things import Team, Thing

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.unit.web.things")]

THINGS = "/api/1/things"
NOT_UNDERSTOOD = {"message": "The browser (or proxy) sent a request that this server could not understand."}


@pytest.fixture
def things(alice: User) -> list[Thing]:
    team = Team.objects.create(name="web")
    mine = [Thing(name=f"t{n:02}", owner=alice.email, team=team) for n in range(12)]
    Thing.objects.bulk_create([*mine, Thing(name="foreign", owner="bob@example.org")])
    for thing in Thing.objects.filter(owner=alice.email):
        thing.teams.add(team)
    return list(Thing.objects.order_by("pk"))


def post(client: APIClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.generic("POST", THINGS, body, content_type=content_type)


class TestLists:
    def test_own_rows_newest_first(self, things: list[Thing], client_of_alice: APIClient) -> None:
        body = client_of_alice.get(THINGS).json()
        assert set(body) == {"items", "total"}
        assert body["total"] == 12
        assert [item["name"] for item in body["items"]] == [f"t{n:02}" for n in range(11, 1, -1)]

    def test_a_page_of_ten_costs_seven_statements(self, things: list[Thing], client_of_alice: APIClient) -> None:
        with CaptureQueriesContext(connection) as captured:
            assert len(client_of_alice.get(f"{THINGS}?filter=name;t&sortBy=name&sortDir=asc").json()["items"]) == 10
        statements = [one["sql"].split()[0] for one in captured.captured_queries]
        reads = [one for one in captured.captured_queries if "web_thing" in one["sql"] or "web_team" in one["sql"]]
        assert len(reads) == 3, "rows, their number, and one prefetch"
        assert len(statements) <= 7

    def test_filters_and_pages(self, things: list[Thing], client_of_alice: APIClient) -> None:
        body = client_of_alice.get(f"{THINGS}?filter=name;t0&count=3&page=2&sortBy=name&sortDir=asc&total=none").json()
        assert [item["name"] for item in body["items"]] == ["t03", "t04", "t05"]
        assert body["total"] is None

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            (
                "page=0",
                {"message": "Validation Error.", "reasons": {"page": "Give a whole number from 1 to 1000000000000."}},
            ),
            ("filter=private_key;x", {"message": "The field 'private_key' is not sortable or filterable"}),
            ("filter=notify;x", {"message": "Validation Error.", "reasons": {"notify": "Not a valid boolean."}}),
            ("notAfter=x", {"message": "Validation Error.", "reasons": {"notAfter": "Enter a valid date."}}),
        ],
    )
    def test_what_is_refused(self, client_of_alice: APIClient, query: str, told: Any) -> None:
        response = client_of_alice.get(f"{THINGS}?{query}")
        assert (response.status_code, response.json()) == (400, told)

    def test_below_a_resource(self, things: list[Thing], client_of_alice: APIClient) -> None:
        body = client_of_alice.get(f"{THINGS}/{things[0].pk}/all_teams?count=5").json()
        assert body == {"items": [{"id": things[0].team_id, "name": "web"}], "total": 1}

    def test_too_many_parameters(self, client_of_alice: APIClient, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
        response = client_of_alice.get(f"{THINGS}?" + "a=1&" * 10)
        assert (response.status_code, response.json()) == (400, NOT_UNDERSTOOD)


class TestObjects:
    def test_one(self, things: list[Thing], client_of_alice: APIClient) -> None:
        assert client_of_alice.get(f"{THINGS}/{things[0].pk}").json()["name"] == "t00"

    def test_a_foreign_one_does_not_exist(self, things: list[Thing], client_of_alice: APIClient) -> None:
        for pk in (things[-1].pk, 0, 10**9, 2**63, 10**30):
            response = client_of_alice.get(f"{THINGS}/{pk}")
            assert (response.status_code, response.json()) == (404, {"message": "Cannot find specified thing"})

    @pytest.mark.parametrize(
        "path", [f"{THINGS}/abc", f"{THINGS}/-1", f"{THINGS}/", "/api/1/nothing", f"{THINGS}/" + "9" * 5000]
    )
    def test_an_unknown_address(self, client_of_alice: APIClient, path: str) -> None:
        response = client_of_alice.get(path)
        assert response.status_code == 404
        assert response.json()["error"].startswith("404 Not Found: ")

    def test_visible_but_forbidden(self, things: list[Thing], client_of_alice: APIClient) -> None:
        response = client_of_alice.patch(f"{THINGS}/{things[0].pk}", {"owner": "a@b.de"}, format="json")
        assert (response.status_code, response.json()) == (403, {"message": "alice may not change t00."})

    def test_made(self, client_of_alice: APIClient) -> None:
        team = Team.objects.create(name="web")
        body = {"displayName": "new", "owner": "Alice@Example.org", "teams": [{"name": "web"}], "team": {"id": team.pk}}
        made = client_of_alice.post(THINGS, body, format="json")
        assert made.status_code == 200
        assert made.json()["allTeams"] == [{"id": team.pk, "name": "web"}]
        assert made.json() == client_of_alice.get(f"{THINGS}/{made.json()['id']}").json()

    def test_what_the_service_refuses(self, client_of_alice: APIClient) -> None:
        for name, status, told in (
            ("conflict", 409, {"message": "There is one."}),
            (
                "bad",
                400,
                {
                    "message": "Validation Error.",
                    "reasons": {"displayName": "No.", "pluginOptions": {"maxSize": "Too big."}},
                },
            ),
            (
                "bad name",
                400,
                {
                    "message": "Validation Error.",
                    "reasons": {"extensions": {"subAltNames": {"nameType": "No such name."}}},
                },
            ),
        ):
            response = client_of_alice.post(THINGS, {"displayName": name, "owner": "a@b.de"}, format="json")
            assert (response.status_code, response.json()) == (status, told)


class TestMethods:
    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
    def test_405_before_anybody_is_asked_who_they_are(self, method: str) -> None:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            response = APIClient().generic(method, THINGS, headers=headers)
            assert response.status_code == 405
            assert response.json() == {"message": "The method is not allowed for the requested URL."}
            assert response["Allow"] == "GET, POST, HEAD"

    def test_without_a_token(self) -> None:
        for method in ("get", "post"):
            response = getattr(APIClient(), method)(THINGS)
            assert (response.status_code, response.json()) == (401, {"message": "Missing authorization header"})
            assert response["WWW-Authenticate"] == "Bearer"

    def test_with_a_wrong_token(self) -> None:
        response = APIClient().get(THINGS, headers={"Authorization": "Bearer wrong"})
        assert (response.status_code, response.json()) == (403, {"message": "Token is invalid"})

    def test_head(self, things: list[Thing], client_of_alice: APIClient) -> None:
        assert client_of_alice.head(THINGS).status_code == 200

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "nonsense"])
    def test_always_json(self, client_of_alice: APIClient, accept: str) -> None:
        response = client_of_alice.get(THINGS, headers={"Accept": accept})
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"\xff",
            b'{"a": NaN}',
            b'{"a": Infinity}',
            b'{"a": "\\u0000"}',
            b'{"a": ["\\ud800"]}',
            b'{"\\u0000": 1}',
            b"[" * 100000,
            b'{"a":' * 50000,
            b'{"serialNumber": ' + b"9" * 5000 + b"}",
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_what_is_no_json(self, client_of_alice: APIClient, body: bytes) -> None:
        response = post(client_of_alice, body)
        rule = response.json().pop("reasons")["Schema"]["rule"]
        assert (response.status_code, response.json()["message"]) == (400, NOT_UNDERSTOOD["message"])
        assert rule[0].startswith("The body is not JSON: ")

    def test_no_body(self, client_of_alice: APIClient) -> None:
        response = post(client_of_alice, b"")
        assert (response.status_code, response.json()) == (400, NOT_UNDERSTOOD)

    @pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"{}", b'{"displayName": {"\\u0061": 1}}'])
    def test_json_of_another_shape(self, client_of_alice: APIClient, body: bytes) -> None:
        response = post(client_of_alice, body)
        assert (response.status_code, response.json()["message"]) == (400, "Validation Error.")

    def test_escapes_are_text(self, client_of_alice: APIClient) -> None:
        body = {"displayName": "\\u0000 😀", "owner": "alice@example.org"}
        made = post(client_of_alice, json.dumps(body).encode())
        assert made.json()["name"] == "\\u0000 😀"

    @pytest.mark.parametrize("charset", ["utf-16", "rot13", "hex", "utf-7", "no-such"])
    def test_utf_8_whatever_is_claimed(self, client_of_alice: APIClient, charset: str) -> None:
        response = post(client_of_alice, b'{"displayName": 1}', content_type=f"application/json; charset={charset}")
        assert response.json()["message"] == "Validation Error."

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    def test_another_kind(self, client_of_alice: APIClient, content_type: str) -> None:
        response = post(client_of_alice, b"a=1", content_type=content_type)
        assert response.status_code == 415
        assert "Unsupported media type" in response.json()["message"]

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["owner", "notify", "notAfter", "team", "teams", "body", "extensions"])
                    | st.sampled_from(["subAltNames", "useSKI", "nameType", "id", "name", "serialNumber"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        )
    )
    def test_any_json_is_carried_out_or_refused(self, client_of_alice: APIClient, data: Any) -> None:
        body = {"displayName": "new", "owner": "alice@example.org", **data} if isinstance(data, dict) else data
        response = post(client_of_alice, json.dumps(body).encode())
        Thing.objects.all().delete()
        assert response.status_code in (200, 400)


class TestBugs:
    def test_the_answer_names_the_request_and_nothing_else(self, client_of_alice: APIClient) -> None:
        client_of_alice.raise_request_exception = False
        response = client_of_alice.post(
            THINGS, {"displayName": "bug", "owner": "a@b.de"}, format="json", headers={"X-Request-Id": "req-12345678"}
        )
        assert response.status_code == 500
        assert response.json() == {"message": "Internal Server Error", "requestId": "req-12345678"}

    def test_a_view_without_rows(self) -> None:
        client = Client(raise_request_exception=False)
        assert client.get("/api/1/open").json() == {
            "message": "Validation Error.",
            "reasons": {"Schema": {"rule": ["No."]}},
        }
        assert client.get("/api/1/open?bug=1").status_code == 500


def test_a_token_of_somebody_else_sees_something_else(things: list[Thing]) -> None:
    bob = User.objects.create_user("bob", "bob@example.org", "x")
    assert [item["name"] for item in api(bob).get(THINGS).json()["items"]] == ["foreign"]
