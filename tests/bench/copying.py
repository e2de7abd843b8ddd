"""COPY for Django models: rows as tuples, columns that nobody mentions with the defaults of their fields."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from json import dumps
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

PIECE = 1 << 20
_SPECIAL = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert ``rows``, each with a value per name in ``columns`` (``id`` may be among them)."""
    filled = {field.column: _text(field.get_default()) for field in _unmentioned(model, columns)}
    tail = "".join("\t" + text for text in filled.values()) + "\n"
    lines = ("\t".join([_text(value) for value in row]) + tail for row in rows)
    names = ", ".join(f'"{name}"' for name in (*columns, *filled))
    with connection.cursor() as cursor:
        cursor.copy_expert(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN', _File(lines), PIECE)
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _unmentioned(model: type[Model], columns: Sequence[str]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.primary_key and field.column not in columns]


def _text(value: Any) -> str:
    """The value in COPY's text format."""
    if type(value) is str:
        return value.translate(_SPECIAL)
    return _TEXTS[type(value)](value)


_TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "\\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    datetime: datetime.isoformat,
    dict: lambda value: dumps(value).translate(_SPECIAL),
    list: lambda value: dumps(value).translate(_SPECIAL),
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
