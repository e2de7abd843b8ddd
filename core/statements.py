"""Questions asked so often that their SQL is put together once, because that takes longer than to answer them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import count, islice
from types import SimpleNamespace
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

Ids = Sequence[int]
Scalar = int | str
Value = Scalar | Sequence[Scalar]
Shape = tuple[tuple[type, int | None], ...]
Row = TypeVar("Row", bound=Model)
KEPT = 64
"""For how many shapes of values, which differ by how many there are, the SQL of a statement is kept."""


MARK = "\ue000"
"""Begins the text that stands for a text; a negative number stands for a number."""


class Made(NamedTuple):
    """What is kept: ``params`` with a place where a value belongs, and a compiler that knows what the columns are."""

    sql: str
    params: tuple[Any, ...]
    compiler: Any


class Prepared:
    """What ``build`` asks about some values: numbers that are not negative, texts, or lists of one of them.

    It gives the SQL for whatever values there are of these kinds, so it must ask the same about all of them, by
    ``exact`` or ``in``. No number of its own may be negative.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._made = lru_cache(maxsize=KEPT)(self._make)

    def _make(self, _vendor: str, shape: Shape) -> Made:
        numbers = count()
        places = [_places(kind, many, numbers) for kind, many in shape]
        compiler = self._build(*places).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        if {_place(param) for param in params} - {None} != set(range(next(numbers))):
            raise ValueError("A value is not among the parameters as it was given; ask about it by `exact` or `in`.")
        return Made(sql, tuple(params), compiler)

    def _ask(self, values: Sequence[Value]) -> tuple[Made, list[tuple[Any, ...]]]:
        made = self._made(connection.vendor, tuple(map(_shape, values)))
        given = [one for value in values for one in ([value] if isinstance(value, Scalar) else value)]
        bound = [param if (place := _place(param)) is None else given[place] for param in made.params]
        with connection.cursor() as cursor:
            cursor.execute(made.sql, bound)
            return made, cursor.fetchall()


class Statement(Prepared):
    """One whose rows come as the database gives them: on SQLite a flag is 0 or 1, everywhere JSON is text."""

    def rows(self, *values: Value) -> list[tuple[Any, ...]]:
        """The answer, in one statement, or without one if one of the lists is empty."""
        return self._ask(values)[1] if _all_there(values) else []


class ModelStatement(Prepared, Generic[Row]):
    """One whose rows are rows of a model, with what ``select_related`` names."""

    def rows(self, *values: Value) -> list[Row]:
        """The answer, in one statement, or without one if one of the lists is empty."""
        return list(ModelIterable(_queryset(*self._ask(values)))) if _all_there(values) else []

    def first(self, *values: Value) -> Row | None:
        """The first row of the answer."""
        return next(iter(self.rows(*values)), None)


def _all_there(values: Sequence[Value]) -> bool:
    return all(isinstance(value, Scalar) or value for value in values)


def _shape(value: Value) -> tuple[type, int | None]:
    """Of what type it is, or how many of what type."""
    if isinstance(value, Scalar):
        return type(value), None
    return type(value[0]), len(value)


def _places(kind: type, many: int | None, numbers: Iterator[int]) -> Value:
    """What stands for the next value, or for a list of as many."""
    made = [f"{MARK}{number}" if kind is str else -1 - number for number in islice(numbers, many or 1)]
    return made[0] if many is None else made


def _place(param: Any) -> int | None:
    """Which value belongs here; None if it is a part of the question."""
    if type(param) is int and param < 0:
        return -1 - param
    return int(param[1:]) if type(param) is str and param.startswith(MARK) else None


def _queryset(made: Made, found: list[tuple[Any, ...]]) -> Any:
    """As much of a queryset, its query and its compiler as ModelIterable looks at."""
    compiler = SimpleNamespace(
        execute_sql=lambda **_: [found],
        results_iter=made.compiler.results_iter,
        select=made.compiler.select,
        klass_info=made.compiler.klass_info,
        annotation_col_map=made.compiler.annotation_col_map,
    )
    query = SimpleNamespace(get_compiler=lambda **_: compiler)
    return SimpleNamespace(db=connection.alias, query=query, _known_related_objects={})
