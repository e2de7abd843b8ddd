"""What many tests begin with: made once in a process through the services, then its rows are put in as they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection

Made = TypeVar("Made")
Row = tuple[Any, ...]


@dataclass(frozen=True)
class _Addition:
    """The rows that a table got."""

    table: str
    columns: Sequence[str]
    before: frozenset[Row]
    rows: Sequence[Row]

    def fits(self) -> bool:
        """Whether the table is as it was then: only so is the next number of a row the same."""
        return frozenset(_rows_of(self.table)[1]) == self.before

    def put_in(self) -> None:
        columns = ", ".join(map(connection.ops.quote_name, self.columns))
        places = ", ".join(["%s"] * len(self.columns))
        statement = f"INSERT INTO {connection.ops.quote_name(self.table)} ({columns}) VALUES ({places})"
        with connection.cursor() as cursor:
            cursor.executemany(statement, self.rows)


_kept: dict[str, tuple[Any, list[_Addition]]] = {}


def prepared(name: str, make: Callable[[], Made]) -> Made:
    """What ``make`` gives, with all that it writes. Rows are only added by it, to the same tables each time."""
    if name in _kept:
        made, additions = _kept[name]
        if all(addition.fits() for addition in additions):
            for addition in additions:
                addition.put_in()
            return deepcopy(made)  # type: ignore[no-any-return]
    before = _tables()
    made = make()
    additions = [
        _added(table, *before[table], rows) for table, (_, rows) in _tables().items() if rows != before[table][1]
    ]
    _kept[name] = deepcopy(made), additions
    return made


def _added(table: str, columns: Sequence[str], before: Sequence[Row], after: Sequence[Row]) -> _Addition:
    assert set(before) <= set(after), f"rows of {table} were changed"
    return _Addition(table, columns, frozenset(before), [row for row in after if row not in set(before)])


def _tables() -> dict[str, tuple[Sequence[str], Sequence[Row]]]:
    return {table: _rows_of(table) for table in connection.introspection.django_table_names(only_existing=True)}


def _rows_of(table: str) -> tuple[Sequence[str], Sequence[Row]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return [column[0] for column in cursor.description], [_plain(row) for row in cursor.fetchall()]


def _plain(row: Row) -> Row:
    """Of psycopg, bytes are a memoryview, which cannot be compared by what it holds in a set."""
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
