"""Statements whose SQL is made once: the same answers as the query itself, whatever ids are asked about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db.models import QuerySet, Value

from accounts.models import Role
from core.statements import Ids, Statement

pytestmark = pytest.mark.django_db
Budget = Callable[..., AbstractContextManager[Any]]


def _asked(ids: Ids) -> QuerySet[Any, tuple[Any, ...]]:
    named = Role.objects.order_by("name").filter(pk__in=ids, name__startswith="team")
    return named.values_list(Value(7), "pk", "name")


@pytest.fixture
def roles() -> list[Role]:
    return [Role.objects.create(name=f"team-{number}") for number in range(5)]


def test_the_rows_are_those_of_the_ids(roles: list[Role]) -> None:
    statement = Statement(_asked)
    for asked in (roles[:2], roles[3:], roles, [roles[4], roles[0]]):
        ids = [one.pk for one in asked]
        assert statement.rows(ids) == list(_asked(ids))


def test_the_query_is_put_together_once_for_each_number_of_ids(roles: list[Role]) -> None:
    built = []

    def build(ids: Ids) -> QuerySet[Any, tuple[Any, ...]]:
        built.append(len(ids))
        return _asked(ids)

    statement = Statement(build)
    for number in (1, 2, 1, 2):
        statement.rows([one.pk for one in roles[:number]])
    assert built == [1, 2]


def test_one_statement_asks_and_none_where_there_are_no_ids(
    roles: list[Role], django_assert_num_queries: Budget
) -> None:
    with django_assert_num_queries(1):
        Statement(_asked).rows([roles[0].pk, roles[1].pk])
    with django_assert_num_queries(0):
        assert Statement(_asked).rows([]) == []
