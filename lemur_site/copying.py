"""Moving an installation to another database: every row, with its id, in one transaction of that database.

Whatever breaks on the way, the other database is as empty as before, and the copy is simply begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import environ
from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.models import Model

from accounts.models import SYSTEM, User
from core.models import AuditEntry
from lemur_site import network_limits

TARGET = "target"
BATCH = 1_000
FORM = "postgres://USER:PASSWORD@HOST/NAME"


class CopyError(Exception):
    """Nothing was copied; the message is one sentence for a person."""


@dataclass(frozen=True)
class Copied:
    """A table, and how many rows of it are in both databases now."""

    table: str
    rows: int


def copy_all(url: str, *, say: Callable[[Copied], None] = lambda _: None) -> list[Copied]:
    """Copy everything from the present database into an empty PostgreSQL, and compare.

    ``say`` hears of each table that is done. Raises CopyError if the database cannot be used or holds something
    already, or if afterwards a table has other rows than here; then nothing is kept.
    """
    _connect(url)
    try:
        connections[TARGET].ensure_connection()
        call_command("migrate", database=TARGET, interactive=False, verbosity=0)
        with transaction.atomic(using=TARGET), transaction.atomic():  # the latter: one moment of this database
            _require_unused()
            _empty()
            copied = []
            for model in _models():
                copied.append(_copy(model))
                say(copied[-1])
            _set_sequences()
    except Error as error:
        raise CopyError(f"The database cannot take the copy: {str(error).strip()}") from error
    return copied


def _connect(url: str) -> None:
    # Looked at first: of others, the library would print the whole address, with its password.
    if url.partition("://")[0] not in ("postgres", "postgresql"):
        raise CopyError(f"Name a PostgreSQL, as {FORM}.")
    try:
        settings = environ.Env.db_url_config(url)
    except ValueError:
        raise CopyError(f"This is no address of a PostgreSQL; write it as {FORM}.") from None
    settings = network_limits.of_database(settings)
    connections.settings[TARGET] = connections.configure_settings({DEFAULT_DB_ALIAS: {}, TARGET: settings})[TARGET]


def _models() -> list[type[Model]]:
    """Those with a table of their own, also the ones between two others; the same order each time."""
    found = apps.get_models(include_auto_created=True)
    return sorted((one for one in found if one._meta.managed and not one._meta.proxy), key=lambda one: one._meta.label)


def _require_unused() -> None:
    people = User.objects.using(TARGET).exclude(username=SYSTEM)
    if people.exists() or AuditEntry.objects.using(TARGET).exists():
        raise CopyError("That database is in use already: name an empty one.")


def _empty() -> None:
    """Without what migrations have put there: it is copied from here, as people may have changed it."""
    connection = connections[TARGET]
    tables = [connection.ops.quote_name(model._meta.db_table) for model in _models()]
    with connection.cursor() as cursor:
        for table in tables:
            if table != connection.ops.quote_name(AuditEntry._meta.db_table):  # nobody may delete there
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  names of our own tables


def _copy(model: type[Model]) -> Copied:
    rows = model._base_manager.using(DEFAULT_DB_ALIAS).order_by("pk")
    fields = model._meta.local_concrete_fields
    for batch in _batches(rows.iterator(chunk_size=BATCH)):
        # Raw: what sets itself when a row is saved, such as the time of a change, stays as it was.
        model._base_manager._insert(batch, fields, raw=True, using=TARGET)  # type: ignore[attr-defined]
    here, there = rows.count(), model._base_manager.using(TARGET).count()
    if here != there:
        raise CopyError(f"{model._meta.db_table} has {here} rows here and {there} there; nothing was kept.")
    return Copied(model._meta.db_table, there)


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _set_sequences() -> None:
    """New rows get ids after those that were copied."""
    connection = connections[TARGET]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
