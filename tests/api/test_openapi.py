"""The OpenAPI document is exact: schemathesis with all of its checks finds no fault, whoever asks.

OPENAPI_EXAMPLES=300 makes requests of each operation by the hundreds, and chains of them; otherwise there are few.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers as drf

from accounts import service as accounts
from authorities.models import Authority
from tests.api.in_process import Product, failures
from tests.api.world import World, furnish, narrowed
from tests.daily import samples
from tests.people import People
from web.rest.fields import Ref

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "0"))
CALLERS = ["root", "alice", "dora"] if EXAMPLES else samples(["root", "alice"], every=2)
METHODS = {"get", "post", "put", "patch", "delete"}

# What no document can say, so that a request in order by the document may be refused: the check that such a request is
# accepted is left out here. All other checks are made everywhere.
BY_RULES = {
    "POST /api/1/certificates": "names, validity, usages and CSR obey the authority and its profile",
    "POST /api/1/certificates/upload": "certificate, chain, key and CSR belong together",
    "POST /api/1/authorities": "a CA's subject, validity and path obey its parent and its profile",
    "POST /api/1/authorities/import": "certificate, chain and key belong together, and are those of a CA",
    "POST /api/1/pending_certificates/{id}/upload": "the certificate is the one that was ordered",
    "PUT /api/1/certificates/{id}/revoke": "only a hold can be taken back",
    "PUT /api/1/certificates/{id}/deactivate": "no plugin can",
    "POST /api/1/policies": "a name may hold a character that is younger than this Python, and so not visible to it",
    "PUT /api/1/policies/{id}": "the same",
    "POST /api/1/users": "a password is strong, and unlike the name",
    "PUT /api/1/users/{id}": "a password is strong, and unlike the name",
    "POST /api/1/domains": "a name is one by IDNA 2008",
    "PUT /api/1/domains/{id}": "a name stays what it is",
    "PUT /api/1/authorities/{id}": "options as text are JSON",
}


@pytest.fixture(scope="module")
def document() -> Any:
    """As the product publishes it."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


@pytest.fixture
def world(people: People, root_ca: Authority, issuing_ca: Authority, monkeypatch: Any, settings: Any) -> World:
    settings.ALLOW_CERT_DELETION = True
    return furnish(people, root_ca, issuing_ca, monkeypatch)


def config(token: str) -> dict[str, Any]:
    """Of schemathesis."""
    excused = [{"include-name": name, "checks": {"positive_data_acceptance": {"enabled": False}}} for name in BY_RULES]
    accepted = ["2xx", "401", "403", "404", "409", "412", "429"]
    return {
        "seed": 1,
        "headers": {"Authorization": f"Bearer {token}"},
        "cache": {"enabled": False},
        "continue-on-failure": True,
        "generation": {"max-examples": EXAMPLES or 3, "deterministic": True, "database": "none", "no-shrink": True},
        "phases": {"coverage": {"enabled": bool(EXAMPLES)}, "stateful": {"enabled": bool(EXAMPLES)}},
        "checks": {"positive_data_acceptance": {"expected-statuses": accepted}},
        "operations": excused,
    }


def operations(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, known in document["paths"].items():
        for method in METHODS & known.keys():
            yield f"{method.upper()} {path}", known[method]


@pytest.mark.django_db
@pytest.mark.parametrize("who", CALLERS)
def test_schemathesis_finds_no_fault(document: Any, world: World, people: People, who: str) -> None:
    token = accounts.log_in_token(getattr(people, who))
    found = failures(Product(), narrowed(deepcopy(document), world), config(token))
    assert not found, "\n\n".join(f"{times} x {fault}" for fault, times in found.items())


def test_it_is_valid_and_nothing_was_guessed() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_each_operation_says_what_it_does_and_who_may(document: Any) -> None:
    told = dict(operations(document))
    assert len({operation["operationId"] for operation in told.values()}) == len(told)
    for name, operation in told.items():
        assert operation["summary"], name
        assert operation["tags"], name
        assert "**Who may:** " in operation["description"], name
        assert "contract" not in operation["description"], name


def test_fields_that_are_sent_describe_themselves() -> None:
    """Those of Django REST framework take numbers for texts and texts for numbers, which the document does not say."""
    assert not [f"{where}: {type(field).__name__}" for where, field in taken() if plain(field)]


def test_what_is_named_is_looked_for_where_its_name_stands() -> None:
    found = [(field.rows().model, field.name_field) for _, field in taken() if isinstance(field, Ref)]
    assert len(found) > 15
    assert not [f"{model} has no {name}" for model, name in found if not hasattr(model, name)]


def taken() -> Iterator[tuple[str, Any]]:
    """All fields of all serializers of what is sent, by where they stand."""
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    inputs = {one for *_, view in generator.endpoints for one in getattr(view.cls, "inputs", {}).values()}
    assert len(inputs) > 20
    for serializer in inputs:
        yield from fields(serializer())


def fields(serializer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    path = path or type(serializer).__name__
    for name, field in serializer.fields.items():
        yield f"{path}.{name}", field
        if hasattr(field, "fields"):
            yield from fields(field, f"{path}.{name}")


def plain(field: Any) -> bool:
    return type(field) in {drf.CharField, drf.BooleanField, drf.IntegerField, drf.DateTimeField, drf.JSONField}


def test_rules_are_those_of_operations_that_exist(document: Any) -> None:
    assert set(BY_RULES) <= {name for name, _ in operations(document)}
