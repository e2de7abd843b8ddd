"""Sends what nobody should send to every door of the product, and says what is wrong with an answer to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from tests.security.asking import API, BODIES
from tests.security.world import World
from web.spelling import camel, snake

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# Processor seconds, so that a busy machine fails nothing. Only the largest inputs come near it.
SLOW = 3.0
REFUSED = frozenset({400})
# Written when somebody fails to log in, on purpose.
ABOUT_LOGINS = {"accounts_failedlogin"}
SECRET_HEADERS = ("Set-Cookie",)


@dataclass(frozen=True)
class Door:
    """An address that takes a body, and a body that it would take."""

    method: str
    address: str
    body: dict[str, Any] = field(repr=False)
    client: Client = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.address}"

    def send(self, body: Any, content_type: str = JSON, **headers: str) -> HttpResponse:
        """The answer to these bytes, or to this as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.generic(self.method, self.address, raw, content_type=content_type, headers=headers)


EXPORT = {"plugin": {"slug": "pem-export", "pluginOptions": [{"name": "type", "value": "Certificate and chain"}]}}


def doors(world: World) -> dict[str, Door]:
    """Every request of the API that takes a body, by the name that the permission table gives it; as an administrator."""
    client = world.client("admin", api=True)
    certificate, authority = world.certificates["own"].pk, world.authorities["own"].pk
    found = {}
    for name, body in {**BODIES, "POST /api/1/certificates/{}/export": lambda world: EXPORT}.items():
        method, _, shape = name.partition(" ")
        if shape.startswith(API):
            address = shape.replace("{}", str(authority if "authorities/" in shape else certificate))
            found[name] = Door(method, address, _as_json(body(world)), client)
    return found


def _as_json(body: dict[str, Any]) -> dict[str, Any]:
    """BODIES gives a reference as the bare id."""
    return {**body, "authority": {"id": body["authority"]}} if "authority" in body else body


_TABLES = "SELECT " + ", ".join(
    f'(SELECT COUNT(*) FROM "{model._meta.db_table}")'
    for model in apps.get_models()
    if model._meta.app_label != "admin"
)


def rows() -> dict[type[Model], int]:
    """How many rows each table has."""
    models = [model for model in apps.get_models() if model._meta.app_label != "admin"]
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return dict(zip(models, cursor.fetchone(), strict=True))


@dataclass
class Watch:
    """What one request did: its answer, how many rows it added, how much work it was."""

    answer: HttpResponse | None = None
    added: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
