"""web.looks: where texts are searched, one look gives a page and how many match; of very many, pages say only that."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from tests.unit.web.things import Thing, ThingFilter
from web import looks
from web.lists import Listing


class SearchedFilter(ThingFilter):
    """Its names are said to be slow to search."""

    searched = frozenset({"name"})


@pytest.fixture
def things(db: None, monkeypatch: pytest.MonkeyPatch) -> list[Thing]:
    """Twenty-five that match ``name=t``, of which ten are counted; and one that does not."""
    monkeypatch.setattr(looks, "MOST_COUNTED", 10)
    Thing.objects.create(name="else")
    return [Thing.objects.create(name=f"t{n:02}", owner=f"{n % 3}@example.org") for n in range(25)]


def listing(query: str, **options: Any) -> Listing[Thing]:
    return Listing(SearchedFilter, Thing.objects.all(), QueryDict(query), **options)


@pytest.mark.parametrize(
    "query", ["name=t", "name=t&ordering=-owner", "name=t&ordering=-name", "name=t1&ordering=name"]
)
@pytest.mark.parametrize("page", range(1, 9))
def test_a_page_holds_what_it_holds_when_all_are_counted(things: list[Thing], query: str, page: int) -> None:
    asked = f"{query}&count=4&page={page}"
    assert listing(asked).items == listing(asked, form=False).items


def test_pages_say_that_there_are_more(things: list[Thing]) -> None:
    first, last = listing("name=t&count=4"), listing("name=t&count=4&page=7")
    assert (first.total, first.more, first.pages, first.next, first.previous) == (10, True, None, 2, None)
    assert (last.total, last.more, last.first, last.last, last.next, last.previous) == (10, True, 25, 25, None, 6)


def test_few_are_counted(things: list[Thing]) -> None:
    few = listing("name=t1&count=4")
    assert (few.total, few.more, few.pages, few.next) == (10, False, 3, 2)


@pytest.mark.parametrize("query", ["name=t&count=4&page=9", "name=t1&count=4&page=9", "name=nothing"])
def test_beyond_the_end(things: list[Thing], query: str) -> None:
    beyond, counted = listing(query), listing(query, form=False)
    assert (beyond.items, beyond.total, beyond.more) == ([], counted.total, False)


def test_scripts_learn_how_many_there_are(things: list[Thing]) -> None:
    counted = listing("name=t&count=4", form=False)
    assert (counted.total, counted.more, counted.pages) == (25, False, 7)


@pytest.mark.parametrize(("query", "statements"), [("name=t1", 2), ("name=t", 3), ("name=t&page=9", 2)])
def test_statements(things: list[Thing], query: str, statements: int) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = listing(f"{query}&count=2")
        assert len(page.items) == 2
        assert page.total == 10
    assert len(captured.captured_queries) == statements
