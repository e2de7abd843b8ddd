"""COPY for Django models: rows as tuples, columns that nobody mentions with the defaults of their fields.

SQLite, which has no COPY, gets them by INSERT.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from json import dumps
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

PIECE = 1 << 20


def copy(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert ``rows``, each with a value per name in ``columns`` (``id`` may be among them)."""
    if connection.vendor == "sqlite":
        _insert(model, columns, rows)
    else:
        _copy(model, columns, rows)


def _insert(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    filled = {
        field.column: field.get_db_prep_save(field.get_default(), connection) for field in _unmentioned(model, columns)
    }
    names = ", ".join(f'"{name}"' for name in (*columns, *filled))
    places, tail = ", ".join(["%s"] * (len(columns) + len(filled))), tuple(filled.values())
    given = ((*map(_stored, row), *tail) for row in rows)
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})', given)


def _stored(value: Any) -> Any:
    """As Django writes it into SQLite."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return dumps(value) if isinstance(value, dict | list) else value


def _copy(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    filled = {field.column: _text(field.get_default()) for field in _unmentioned(model, columns)}
    tail = "".join("\t" + text for text in filled.values()) + "\n"
    lines = ("\t".join([_text(value) for value in row]) + tail for row in rows)
    names = ", ".join(f'"{name}"' for name in (*columns, *filled))
    with transaction.atomic(), connection.cursor() as cursor:
        # Rows that were made together fit together: checking each foreign key again would take half the time.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.copy_expert(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN', _File(lines), PIECE)
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _unmentioned(model: type[Model], columns: Sequence[str]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.primary_key and field.column not in columns]


def _text(value: Any) -> str:
    """The value in COPY's text format."""
    if type(value) is str:
        return _escape(value)
    return _TEXTS[type(value)](value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


_TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "\\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    datetime: datetime.isoformat,
    dict: lambda value: _escape(dumps(value)),
    list: lambda value: _escape(dumps(value)),
}


class _File(io.RawIOBase):
    """What psycopg2 reads from: the lines as they are made, about ``PIECE`` characters at a time."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece, length = [], 0
        for line in self._lines:
            piece.append(line)
            length += len(line)
            if length >= size:
                break
        return "".join(piece).encode()
