"""Every cell of docs/reference/permissions.md, through real requests; and every request that exists is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from tests.security.asking import API, EXPORTS, SETTINGS, answers, export_plugins
from tests.security.table import Row, rows, shape, shown
from tests.security.world import PEOPLE, World

pytestmark = pytest.mark.django_db

ROWS = rows()
LISTS = shown()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LOGIN = ("/login", "/admin/login/")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row: Row, world: World) -> None:
    wrong = []
    setting = dict(row.bearing).get("setting")
    with override_settings(**(SETTINGS[setting] if setting else {})):
        for person, expected in row.cells:
            for answer in _asked(row, person, world):
                got = _word(answer)
                said = answer.getvalue()
                if got != expected:
                    wrong.append(f"{person}: {got} instead of {expected}: {said[:200]!r}")
                if not _may_reveal(row, got) and (leaked := world.secrets_in(said)):
                    wrong.append(f"{person}: the answer holds {leaked}")
    assert not wrong, "\n".join(wrong)


def _asked(row: Row, person: str, world: World) -> list[HttpResponse]:
    """The answers; whatever the requests changed is undone."""
    with transaction.atomic():
        if person == "removed":
            _lose_the_role(world)
        found = list(answers(row, person, world))
        transaction.set_rollback(True)
    assert found, "no request was made"
    return found


def _lose_the_role(world: World) -> None:
    """After having used it, so that whatever remembers rights remembers them."""
    erin = world.users["erin"]
    assert world.client("removed", api=True).get("/api/1/auth/me").json()["roles"]
    erin.roles.remove(world.team)


def _word(answer: HttpResponse) -> str:
    """The answer as a cell of the table says it."""
    target = answer.get("Location", "").partition("?")[0]
    if answer.status_code == 302 and target in LOGIN:
        return "log in"
    if answer.status_code == 302 and target == "/confirm":
        return "confirm"
    if answer.status_code == 302 and target == "/admin/":
        return "index"
    if answer.status_code == 200 and _is_form_again(answer):
        return "form"
    return str(answer.status_code)


def _is_form_again(answer: HttpResponse) -> bool:
    """Sent off, and shown anew without a complaint: nothing was done."""
    posted = answer.request["REQUEST_METHOD"] == "POST"
    return posted and answer.request["PATH_INFO"].endswith("/export") and "text/html" in answer["Content-Type"]


def _may_reveal(row: Row, got: str) -> bool:
    return got == "200" and (
        row.address.endswith(("/key", "/credentials")) or ("plugin", "each with key") in row.bearing
    )


@pytest.mark.parametrize(("address", "cells"), LISTS, ids=[address for address, _ in LISTS])
def test_list(address: str, cells: dict[str, str], world: World) -> None:
    row = Row("GET", address, (), ())
    got = {person: _shown(_asked(row, person, world)[0].json()["items"], address, world) for person in cells}
    assert got == cells


def _shown(items: list[dict[str, Any]], address: str, world: World) -> str:
    rows_by_word: dict[str, Any] = world.certificates if address.endswith("certificates") else world.authorities
    ids = {item["id"] for item in items}
    seen = [word for word in ("own", "foreign") if rows_by_word[word].pk in ids]
    return {0: "none", 1: seen[0] if seen else "", 2: "all"}[len(seen)]


def test_the_scan_for_secrets_finds_them(world: World) -> None:
    """Else that nothing was found would mean nothing."""
    key = world.certificates["own"].private_key
    for address in ("/api/1/certificates/{own}/key", "/certificates/{own}/key"):
        row = Row("GET" if address.startswith(API) else "POST", address, (), ())
        [answer] = _asked(row, "owner", world)
        assert world.secrets_in(answer.content) == [key], address


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Every address of the site."""
    yield from _below(get_resolver().url_patterns, "/")


def _below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield address, pattern
        else:
            yield from _below(pattern.url_patterns, address)


def _in_table() -> set[tuple[str, str]]:
    """Method and shape of every request of the table, ``{model}`` written out for each model."""
    models = [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]
    found = set()
    for row in ROWS:
        for model in models if "{model}" in row.address else [""]:
            found.add((row.method, shape(row.address.replace("{model}", model))))
    return found


def test_every_address_is_in_the_table() -> None:
    known = {address for _, address in _in_table()}
    missing = {shape(address) for address, _ in routes()} - known
    assert not missing, f"docs/reference/permissions.md does not say who may ask for {sorted(missing)}"


def test_every_row_is_about_an_address_that_exists() -> None:
    gone = {address for _, address in _in_table()} - {shape(address) for address, _ in routes()}
    assert not gone, f"docs/reference/permissions.md has rows about {sorted(gone)}, which do not exist"


def _outside() -> Iterator[tuple[str, str, str]]:
    """Requests that the table does not have, and by whom. Django's admin site answers to any method as to GET."""
    table = _in_table()
    for address in sorted({shape(address) for address, _ in routes() if not address.startswith("/admin/")}):
        api = address.startswith("/api/1/")
        for method in METHODS if api else METHODS[:2]:
            if (method, address) not in table:
                yield from ((address, method, person) for person in (("nobody", "admin") if api else ("admin",)))


def test_every_method_outside_of_the_table_is_refused(world: World) -> None:
    """By the API with 405, whoever asks and before it asks who they are; by a page to those who are logged in."""
    wrong = []
    for address, method, person in _outside():
        answer = world.client(person, api=address.startswith(API)).generic(method, address.replace("{}", "1"))
        if answer.status_code != 405:
            wrong.append(f"{method} {address} as {person}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_the_table_names_everybody_and_every_export() -> None:
    assert {person for row in ROWS for person, _ in row.cells} == set(PEOPLE)
    assert {slug for chosen in EXPORTS.values() for slug, _ in chosen} == export_plugins()
