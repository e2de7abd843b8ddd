"""What the API says about itself, in OpenAPI 3.1."""

from __future__ import annotations

import re
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.unit.web import things


@pytest.fixture(scope="module")
def schema() -> Any:
    GENERATOR_STATS.reset()
    made = SchemaGenerator(patterns=things.urlpatterns).get_schema(request=None, public=True)
    complaints = {*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache}
    expected = ("Authentication", "Open")  # how to log in is described elsewhere; Open has no serializer to describe
    assert not [text for text in complaints if not any(word in text for word in expected)]
    return made


def parameters(schema: Any, path: str, method: str = "get") -> dict[str, Any]:
    return {one["name"]: one for one in schema["paths"][path][method].get("parameters", [])}


def test_it_is_valid(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1")
    validate_schema(schema)


def test_lists_are_pages(schema: Any) -> None:
    answer = schema["paths"]["/api/1/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    page = schema["components"]["schemas"][answer["$ref"].rsplit("/", 1)[-1]]
    assert page["required"] == ["items", "total"]
    assert page["properties"]["items"] == {"type": "array", "items": {"$ref": "#/components/schemas/ThingOutput"}}
    assert page["properties"]["total"]["type"] == ["integer", "null"]


def test_parameters_of_lists(schema: Any) -> None:
    found = parameters(schema, "/api/1/things")
    assert {"page", "count", "after", "total", "sortBy", "sortDir", "filter"} < set(found)
    assert {"name", "owner", "notify", "id", "notAfter"} < set(found)
    assert not {"ordering", "filterOwner", "filter_owner", "not_after"} & set(found)
    assert found["sortBy"]["schema"]["enum"] == ["id", "name", "owner", "notAfter"]
    assert found["notify"]["schema"]["type"] == "boolean"
    pattern = found["filter"]["schema"]["pattern"]
    assert re.search(pattern, "owner;x")
    assert re.search(pattern, "notAfter;x")
    assert not re.search(pattern, "secret;x")
    assert not re.search(pattern, "size;x"), "two parameters in one have no such form"


def test_inputs_and_outputs(schema: Any) -> None:
    create = schema["paths"]["/api/1/things"]["post"]
    assert list(create["requestBody"]["content"]) == ["application/json"]
    assert create["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/ThingRequest")
    assert "200" in create["responses"]
    assert "201" not in create["responses"]
    assert "requestBody" not in schema["paths"]["/api/1/things/secret"]["post"]
    echo = schema["paths"]["/api/1/echo"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert echo["$ref"].endswith("/Size")


def test_lists_below_a_resource(schema: Any) -> None:
    path = "/api/1/things/{id}/all_teams"
    assert set(parameters(schema, path)) == {"id", "page", "count", "after", "total"}
    answer = schema["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["$ref"].endswith("/PaginatedTeamOutputList")


def test_fields(schema: Any) -> None:
    components = schema["components"]["schemas"]
    sent = components["ThingRequest"]["properties"]
    assert set(sent) >= {"displayName", "serialNumber", "notAfter"}
    ways = [{"$ref": f"#/components/schemas/{way}"} for way in ("TeamById", "TeamByName")]
    assert sent["team"]["anyOf"] == [*ways, {"type": "null"}]
    assert [way["items"] for way in sent["teams"]["anyOf"]] == ways
    assert (components["TeamById"]["required"], components["TeamByName"]["required"]) == (["id"], ["name"])
    assert sent["body"]["maxLength"] == 100
    assert sent["body"]["contentMediaType"] == "application/x-pem-file"
    assert sent["notAfter"]["anyOf"] == [{"type": "string", "format": "date-time"}, {"type": "null"}]
    assert sent["notify"]["anyOf"] == [{"type": "boolean"}, {"$ref": "#/components/schemas/SpelledBoolean"}]
    shown = components["ThingOutput"]["properties"]
    assert set(shown) >= {"serialHEX", "itsSize", "allTeams"}
    assert set(components["ThingOutput"]["required"]) == set(shown), "whatever defaults the model has"
    assert components["TeamNamed"]["required"] == ["id", "name"]


def test_texts(schema: Any) -> None:
    name, nickname = (
        schema["components"]["schemas"]["ThingRequest"]["properties"][one] for one in ("displayName", "nickname")
    )
    assert (name["minLength"], name["maxLength"]) == (1, 50)
    for text, must_be, may_be in (("a", True, True), (" b ", True, True), ("", False, True), (" \t", False, True)):
        assert bool(re.search(name["pattern"], text)) is must_be
        assert bool(re.search(nickname["pattern"], text)) is may_be
    assert not re.search(name["pattern"], "a\x00")
    assert not re.search(nickname["pattern"], "\x00")


@pytest.mark.parametrize(
    ("path", "method", "codes"),
    [
        ("/api/1/things", "get", {"200", "400", "401", "403"}),
        ("/api/1/things/{id}", "get", {"200", "400", "401", "403", "404"}),
        ("/api/1/things", "post", {"200", "400", "401", "403", "409", "412", "415"}),
        ("/api/1/things/{id}", "patch", {"200", "400", "401", "403", "404", "409", "412", "415"}),
        ("/api/1/things/secret", "post", {"200", "400", "401", "403", "409", "412", "429"}),
        ("/api/1/open", "get", {"200", "400"}),
    ],
)
def test_errors(schema: Any, path: str, method: str, codes: set[str]) -> None:
    responses = schema["paths"][path][method]["responses"]
    assert set(responses) == codes | {"500", "503"}
    for code in codes - {"200"}:
        assert responses[code] == {"$ref": f"#/components/responses/Error{code}"}
        answer = schema["components"]["responses"][f"Error{code}"]
        assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
        assert answer["description"]
    assert "X-Request-Id" in responses["200"]["headers"]


def test_what_an_operation_says(schema: Any) -> None:
    told = {(path, method): one for path, known in schema["paths"].items() for method, one in known.items()}
    shown = told["/api/1/things/{id}", "get"]
    assert (shown["summary"], shown["operationId"], shown["tags"]) == ("Show a thing", "things_retrieve", ["things"])
    assert shown["description"].endswith("**Who may:** Whoever owns it. Administrators, too.")
    changed = told["/api/1/things/{id}", "patch"]
    assert changed["description"].endswith("Administrators, too. Nobody who only reads.")
    secret = told["/api/1/things/secret", "post"]
    assert (secret["summary"], secret["operationId"]) == ("A secret, once", "things_secret")
    assert "Anybody, without logging in." in told["/api/1/open", "get"]["description"]


def test_idempotent_requests_say_so(schema: Any) -> None:
    for path, there in (("/api/1/things", True), ("/api/1/things/secret", True), ("/api/1/things/{id}", False)):
        method = "post" if there else "patch"
        assert ("Idempotency-Key" in parameters(schema, path, method)) is there
    assert "Idempotency-Key" not in parameters(schema, "/api/1/things", "get")
