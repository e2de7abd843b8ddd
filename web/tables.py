"""Rows as a file for other programs, written as they are read: CSV that no spreadsheet runs, and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.http import StreamingHttpResponse

Columns = Mapping[str, Callable[[Any], Any]]
"""What stands over each column, and how to read it from a row: a text, a number, a moment, a list of texts or None."""

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so is run by one spreadsheet or another; the last four are the wide forms of the first."""
SEVERAL: Final = " "
TYPES: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def download(name: str, form: str, columns: Columns, rows: Iterable[Any]) -> StreamingHttpResponse:
    """The file ``name.csv`` or ``name.json``, by ``form``, to be saved."""
    write = {"csv": csv_lines, "json": json_lines}[form]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(write(columns, rows), content_type=TYPES[form], headers=headers)


def csv_lines(columns: Columns, rows: Iterable[Any]) -> Iterator[str]:
    """RFC 4180, with a heading. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    yield _line(columns)
    for row in rows:
        yield _line(_harmless(_plain(read(row))) for read in columns.values())


def json_lines(columns: Columns, rows: Iterable[Any]) -> Iterator[str]:
    """One array, a line for each row's object; lists stay lists."""
    yield "["
    between = "\n"
    for row in rows:
        yield between + json.dumps({name: _said(read(row)) for name, read in columns.items()}, ensure_ascii=False)
        between = ",\n"
    yield "\n]\n"


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return SEVERAL.join(value) if isinstance(value, list) else str(_said(value))


def _said(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _harmless(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(FORMULAS) else text
