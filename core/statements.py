"""Questions asked so often that their SQL is put together once, because that takes longer than to answer them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

Ids = Sequence[int]
KEPT = 64
"""For how many numbers of ids the SQL of a statement is kept."""


class Statement:
    """What ``build`` asks about some ids. It gives the SQL for any ids as long as there are as many; no other number
    in it may be negative.

    Rows come as the database gives them: on SQLite a flag is 0 or 1, everywhere JSON is text.
    """

    def __init__(self, build: Callable[[Ids], QuerySet[Any, tuple[Any, ...]]]) -> None:
        self._build = build
        self._made = lru_cache(maxsize=KEPT)(self._make)

    def rows(self, ids: Ids) -> list[tuple[Any, ...]]:
        """The answer, in one statement, or without one if there are no ids."""
        if not ids:
            return []
        sql, params = self._made(connection.vendor, len(ids))
        with connection.cursor() as cursor:
            cursor.execute(sql, [ids[-1 - one] if _is_place(one) else one for one in params])
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def _make(self, vendor: str, number: int) -> tuple[str, tuple[Any, ...]]:
        """The SQL in the vendor's dialect, where -1 stands for the first id, -2 for the second."""
        sql, params = self._build(range(-1, -1 - number, -1)).query.sql_with_params()
        return sql, tuple(params)


def _is_place(value: Any) -> bool:
    return type(value) is int and value < 0
