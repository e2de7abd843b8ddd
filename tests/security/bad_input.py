"""Sends what nobody should send to every door of the product, and says what is wrong with the answer."""

from __future__ import annotations

import base64
import gc
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from certificates import service
from certificates.models import Certificate
from tests.security.asking import API, BODIES, _address
from tests.security.world import World
from web.spelling import camel

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
IMPORT_PAGE = "/certificates/import"
UPLOADS = "/api/1/certificates/upload"
ORDERS = "/api/1/certificates"
# Of processor time, so that a busy machine fails nothing. Only the largest inputs come near it.
SLOW = 3.0
EXPORT = {"plugin": {"slug": "pem-export", "pluginOptions": [{"name": "type", "value": "Certificate and chain"}]}}
OURS = ("accounts", "authorities", "certificates", "core", "lifecycle", "notifications", "stores")
# What a failed log-in is meant to leave behind.
ABOUT_LOGINS = {"accounts.failedlogin", "core.auditentry"}


@dataclass(frozen=True)
class Door:
    """An address that takes a body, and a body that it would take."""

    method: str
    address: str
    body: dict[str, Any] = field(repr=False)
    client: Client = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.address}"

    def ask(self, body: Any, content_type: str = JSON, **headers: str) -> Answer:
        """What these bytes, or this as JSON, bring about. All of it is undone afterwards."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return watched(
            lambda: self.client.generic(self.method, self.address, raw, content_type=content_type, headers=headers)
        )


@dataclass(frozen=True)
class Answer:
    """What came back, which tables grew, and how many seconds of work it was."""

    response: HttpResponse
    grown: frozenset[str]
    seconds: float

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def reasons(self) -> str:
        """All that a refusal says, as text."""
        return json.dumps(self.response.json(), ensure_ascii=False)

    def refused(self, *statuses: int, naming: str = "", saying: str = "") -> str:
        """What is wrong with it as a refusal; "" when it is one, with a sentence, and left no row behind."""
        wrong = []
        if self.status not in (statuses or (400,)):
            wrong.append(f"status {self.status}")
        if self.grown:
            wrong.append(f"new rows in {sorted(self.grown)}")
        if self.seconds > SLOW:
            wrong.append(f"{self.seconds:.1f} seconds")
        if not wrong and not is_sentence(self.response):
            wrong.append("no sentence")
        if naming and not wrong and not names(self.response, naming):
            wrong.append(f"does not name {naming}")
        if saying and not wrong and saying not in self.reasons:
            wrong.append(f"does not say {saying!r}")
        return self._about(wrong)

    def sane(self) -> str:
        """What is wrong with it when it may be refused or accepted."""
        if self.status >= 400:
            return self.refused(400, 403, 404, 405, 409, 412, 415)
        return self._about([f"{self.seconds:.1f} seconds"] if self.seconds > SLOW else [])

    def _about(self, wrong: list[str]) -> str:
        return f"{', '.join(wrong)}: {self.status} {self.response.content[:300]!r}" if wrong else ""


def is_sentence(response: HttpResponse) -> bool:
    """Does the refusal say something for people: a message, and reasons that are texts all the way down?"""
    body = response.json()
    message = body.get("message", body.get("error"))
    leaves = list(_leaves(body.get("reasons", {}))) + list(_leaves(message))
    return bool(leaves) and all(isinstance(leaf, str) and len(leaf) > 5 for leaf in leaves)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(part)
    else:
        yield value


def names(response: HttpResponse, path: str) -> bool:
    """Do the reasons lead to this field, as far as they go down? ``path`` is dotted, in either spelling."""
    reasons = response.json().get("reasons", {})
    for name in path.split("."):
        if not isinstance(reasons, Mapping):
            return True
        if camel(name) not in reasons:
            return False
        reasons = reasons[camel(name)]
    return True


def watched(act: Callable[[], HttpResponse]) -> Answer:
    """Do this, note what it did, and undo it."""
    changes = Changes()
    with transaction.atomic(), unburdened():
        with connection.execute_wrapper(changes):
            began = time.process_time()
            response = act()
            seconds = time.process_time() - began
        # A server error may have left the transaction unusable; the status says enough then.
        after = rows() if changes.made and response.status_code < 500 else {}
        transaction.set_rollback(True)
    before = rows() if after else {}
    return Answer(response, frozenset(table for table in after if after[table] != before[table]), seconds)


@contextmanager
def unburdened() -> Iterator[None]:
    """What thousands of tests before this one left in memory is not searched for garbage on this one's account."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Changes:
    """Whether a statement was seen that adds or takes away rows: most of what is refused needs no counting."""

    made = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.made = self.made or sql.startswith(("INSERT", "DELETE"))
        return execute(sql, params, many, context)


def rows() -> dict[str, int]:
    """How many rows each table has, in one statement."""
    models = [model for app in OURS for model in apps.get_app_config(app).get_models(include_auto_created=True)]
    counts = ", ".join(f'(SELECT COUNT(*) FROM "{model._meta.db_table}")' for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return dict(zip((model._meta.label_lower for model in models), cursor.fetchone(), strict=True))


def doors(world: World) -> dict[str, Door]:
    """Every request of the API that takes a body, by its name in the permission table; asked as an administrator."""
    client = world.client("admin", api=True)
    found = {}
    for name, body in {**BODIES, "POST /api/1/certificates/{}/export": lambda world: EXPORT}.items():
        method, _, address = name.partition(" ")
        if address.startswith(API) and method in ("POST", "PUT", "PATCH"):
            address = _address(address.replace("{}", "{own}"), "admin", world)
            found[name] = Door(method, address, _as_json(body(world)), client)
    return found


def _as_json(body: dict[str, Any]) -> dict[str, Any]:
    """A reference is a bare id in BODIES."""
    return {**body, "authority": {"id": body["authority"]}} if "authority" in body else body


def door(world: World, name: str, person: str = "admin") -> Door:
    """One of them, as somebody else perhaps."""
    found = doors(world)[name]
    return Door(found.method, found.address, found.body, world.client(person, api=True))


def uploaded(body: str, world: World, **fields: Any) -> Answer:
    """What comes of importing this PEM over the API."""
    return door(world, f"POST {UPLOADS}").ask({"owner": "alice@example.org", "body": body, **fields})


def newest() -> Certificate:
    """The certificate made last."""
    found = Certificate.objects.order_by("-pk").first()
    assert found
    return found


def armoured(label: str, data: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n"


def post(client: Client, address: str, body: Any, content_type: str = FORM) -> Answer:
    raw = body if isinstance(body, bytes) else urlencode(body, doseq=True).encode()
    return watched(lambda: client.generic("POST", address, raw, content_type=content_type))


def form_of(response: HttpResponse) -> forms.BaseForm:
    form: forms.BaseForm = response.context["form"]  # type: ignore[attr-defined]
    return form


def send_file(client: Client, address: str, *, name: bytes, data: bytes, **fields: str) -> Answer:
    """A multipart body in which the file is called exactly so."""
    parts = [f'Content-Disposition: form-data; name="{field}"\r\n\r\n{text}'.encode() for field, text in fields.items()]
    parts.append(
        b'Content-Disposition: form-data; name="body_file"; filename="'
        + name
        + b'"\r\nContent-Type: a/b\r\n\r\n'
        + data
    )
    raw = b"".join(b"--lemur\r\n" + part + b"\r\n" for part in parts) + b"--lemur--\r\n"
    return post(client, address, raw, "multipart/form-data; boundary=lemur")


def on_the_page(world: World, data: bytes, **fields: str) -> Answer:
    """This file, on the page that imports."""
    client = world.client("admin", api=False)
    return send_file(client, IMPORT_PAGE, name=b"a", data=data, owner="alice@example.org", **fields)


@contextmanager
def undone_upload(world: World, body: str) -> Iterator[Certificate]:
    """An import that is undone after the block."""
    with transaction.atomic():
        yield service.upload(by=world.users["root"], owner="alice@example.org", body=body)
        transaction.set_rollback(True)
