"""Statements whose SQL is made once: the same answers as the query itself, whatever ids are asked about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet, Value

from accounts.models import ApiKey, Role
from accounts.service import create_api_key
from core.statements import Ids, ModelStatement, Statement
from tests.people import People

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


class TestModelStatement:
    """Rows of a model: the same as those of the queryset, with what was read beside them."""

    named = ModelStatement[Role](lambda names: Role.objects.filter(name__in=names).order_by("-name"))
    one = ModelStatement[ApiKey](
        lambda name, user: ApiKey.objects.select_related("user").filter(name=name, user=user, kind="key")
    )

    def test_rows_of_texts(self, roles: list[Role], django_assert_num_queries: Budget) -> None:
        for wanted in (["team-1"], ["team-3", "team-4", "team-4", "team-9"]):
            with django_assert_num_queries(1):
                found = self.named.rows(wanted)
            assert found == list(Role.objects.filter(name__in=wanted).order_by("-name"))
            assert [one.__dict__.keys() for one in found] == [
                Role.objects.get(pk=one.pk).__dict__.keys() for one in found
            ]
        with django_assert_num_queries(0):
            assert self.named.rows([]) == []

    def test_several_values_and_a_row_beside(self, people: People, django_assert_num_queries: Budget) -> None:
        for person in (people.alice, people.bob):
            create_api_key(user=person, name="CI", days=3, by=person)
        with django_assert_num_queries(1):
            found = self.one.first("CI", people.bob.pk)
            assert found
            assert found.user == people.bob
        assert found == ApiKey.objects.get(user=people.bob)
        assert found.expires_at == ApiKey.objects.get(user=people.bob).expires_at
        assert self.one.first("CD", people.bob.pk) is None

    def test_a_value_that_the_database_does_not_get_as_it_is(self) -> None:
        question = ModelStatement[Role](lambda name: Role.objects.filter(name__contains=name))
        with pytest.raises(ValueError, match="ask about it by `exact` or `in`"):
            question.rows("team")

    def test_other_threads_have_connections_of_their_own(self, roles: list[Role]) -> None:
        """What is kept must not hold the connection of whoever asked first."""
        self.named.rows(["team-1", "team-2", "team-3"])
        made = self.named._made(connection.vendor, ((str, 3),))
        assert made.compiler.connection is connection
