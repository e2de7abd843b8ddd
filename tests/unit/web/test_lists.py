"""The list dialect and the page of rows it asks for."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from tests.unit.web.things import Team, Thing, ThingFilter
from web import counts, lists
from web.lists import FilterSet, Listing, NoFilters, filter_keys, translate

START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def things(db: None) -> list[Thing]:
    team = Team.objects.create(name="web")
    return [
        Thing.objects.create(
            name=f"t{n:02}",
            owner="alice@example.org" if n % 2 else "bob@example.org",
            notify=n != 3,
            size=n,
            not_after=START + timedelta(days=n),
            team=team if n < 4 else None,
        )
        for n in range(25)
    ]


def listing(query: str = "", **options: Any) -> Listing[Thing]:
    return Listing(ThingFilter, Thing.objects.all(), QueryDict(query), **options)


def names(query: str) -> list[str]:
    return [thing.name for thing in listing(query).items]


class TestTranslate:
    @pytest.mark.parametrize(
        ("query", "plain"),
        [
            ("filter=name;x&sortBy=notAfter&sortDir=desc", "name=x&ordering=-not_after"),
            ("filter=owner;x&owner=y", "owner=y&filter_owner=x"),
            ("filter=name;a;b", "name=a"),
            ("filter=name;", "name="),
            ("filter=", ""),
            ("filter=name;x&filter=owner;y", "name=x&filter_owner=y"),
            ("notAfter=2030-01-01&page=2", "not_after=2030-01-01&page=2"),
            ("notify=1&notify=0", "notify=1&notify=0"),
            ("sortBy=name", ""),
            ("sortDir=desc", ""),
            ("sortBy=name&sortDir=whatever", "ordering=name"),
            ("sortBy=not_after&sortDir=DESC", "ordering=-not_after"),
            ("ordering=-notAfter,name", "ordering=-not_after,name"),
            ("unknown=1", "unknown=1"),
        ],
    )
    def test_same_question(self, query: str, plain: str) -> None:
        assert translate(QueryDict(query), ThingFilter) == (QueryDict(plain), [])

    @pytest.mark.parametrize(
        "key", ["secret", "privateKey", "private_key", "ordering", "filter_owner", "pk", "team__id", "size"]
    )
    def test_what_is_not_declared_cannot_be_filtered(self, key: str) -> None:
        with pytest.raises(Invalid, match="is not sortable or filterable"):
            translate(QueryDict(f"filter={key};x"), ThingFilter)

    @pytest.mark.parametrize("sort", ["secret", "team__name", "size", "-name", "", "?"])
    def test_what_is_not_declared_cannot_be_sorted_by(self, sort: str) -> None:
        query = QueryDict(mutable=True)
        query.update({"ordering": f"name,-{sort}"})
        with pytest.raises(Invalid, match="is not sortable or filterable"):
            translate(query, ThingFilter)

    def test_the_text_names_the_field(self) -> None:
        with pytest.raises(Invalid) as refusal:
            translate(QueryDict("sortBy=privateKey&sortDir=asc"), ThingFilter)
        assert refusal.value.message == "The field 'private_key' is not sortable or filterable"

    def test_without_ordering_nothing_can_be_sorted(self) -> None:
        with pytest.raises(Invalid):
            translate(QueryDict("sortBy=id&sortDir=asc"), NoFilters)

    def test_a_filter_needs_a_semicolon(self) -> None:
        with pytest.raises(Invalid, match="<key>;<value>"):
            translate(QueryDict("filter=issuer"), ThingFilter)

    def test_what_is_asked_of_one_name_twice(self) -> None:
        assert translate(QueryDict("name=a&filter=name;b&filter=name;c"), ThingFilter) == (
            QueryDict("name=a"),
            [QueryDict("name=b"), QueryDict("name=c")],
        )

    @pytest.mark.parametrize("sort", ["secret", "-name", "team__name"])
    def test_a_field_to_sort_by_is_checked_without_a_direction(self, sort: str) -> None:
        with pytest.raises(Invalid, match="is not sortable or filterable"):
            translate(QueryDict(f"sortBy={sort}"), ThingFilter)

    @pytest.mark.parametrize("query", ["filter=name;a%00b", "na%00me=x", "owner=%00", "sortBy=%00"])
    def test_nul(self, query: str) -> None:
        with pytest.raises(Invalid, match="NUL"):
            translate(QueryDict(query), ThingFilter)


QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "filter",
                "sortBy",
                "sortDir",
                "page",
                "count",
                "after",
                "total",
                "ordering",
                "id",
                "size_min",
                "notify",
                "before",
                "not_after",
                "notAfter",
                "team",
                "owner",
                "serial",
            ]
        )
        | st.text(max_size=8),
        st.sampled_from(
            ["name;x", "notify;maybe", "id;5", "id;1e400", "secret;x", "desc", "name", "1", "0", "-1", "true"]
        )
        | st.integers().map(str)
        | st.integers(2**62, 2**70).map("id;{}".format)
        | st.datetimes().map(datetime.isoformat)
        | st.text(max_size=12),
    ),
    max_size=5,
)


def encoded(pairs: list[tuple[str, str]]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    return QueryDict(query.urlencode())


@given(QUERIES)
def test_any_question_is_translated_or_refused(pairs: list[tuple[str, str]]) -> None:
    with suppress(Invalid):
        plain, _ = translate(encoded(pairs), ThingFilter)
        assert isinstance(plain, QueryDict)
        assert not {"filter", "sortBy", "sortDir"} & plain.keys()


@pytest.mark.django_db
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pairs=QUERIES, form=st.booleans())
@example(pairs=[("id", str(2**63))], form=False)
@example(pairs=[("filter", f"id;{2**64}")], form=True)
@example(pairs=[("filter", "id;1e999999")], form=False)
@example(pairs=[("size_min", str(-(2**63) - 1))], form=False)
@example(pairs=[("before", "0001-01-01T00:00:00+14:00")], form=False)
@example(pairs=[("before", "9999-12-31T23:59:59-14:00")], form=False)
@example(pairs=[("page", "9" * 400)], form=True)
@example(pairs=[("after", str(2**63))], form=True)
@example(pairs=[("team", str(2**70))], form=False)
@example(pairs=[("team", "x" * 1000)], form=False)
def test_any_question_is_answered_or_refused(pairs: list[tuple[str, str]], form: bool) -> None:
    with suppress(Invalid):
        asked = Listing(ThingFilter, Thing.objects.all(), encoded(pairs), form=form)
        assert asked.items == []
        assert asked.total in (0, None)
        assert (asked.next, asked.first, asked.last) == (None, 0, 0)


def test_filter_keys() -> None:
    keys = filter_keys(ThingFilter)
    assert keys["owner"] == "filter_owner"
    assert keys["not_after"] == "not_after"
    assert not {"ordering", "size", "filter_owner"} & keys.keys()


class TestListing:
    def test_newest_first_by_default(self, things: list[Thing]) -> None:
        assert names("") == [f"t{n:02}" for n in range(24, 14, -1)]

    def test_the_dialect_and_the_plain_form_agree(self, things: list[Thing]) -> None:
        assert names("filter=name;t1&sortBy=notAfter&sortDir=desc&count=3") == ["t19", "t18", "t17"]
        assert names("name=t1&ordering=-not_after&count=3") == ["t19", "t18", "t17"]

    def test_equal_rows_have_a_stable_order(self, things: list[Thing]) -> None:
        assert names("ordering=owner&count=3") == ["t23", "t21", "t19"]
        assert names("ordering=owner&count=3&page=2") == ["t17", "t15", "t13"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("filter=owner;ALICE", 12),
            ("owner=ALICE@example.org", 12),
            ("owner=alice", 0),
            ("filter=owner;a&owner=bob@example.org", 13),
            ("filter=notify;NO", 1),
            ("notify=t", 24),
            ("notify=", 25),
            ("size_min=20&size_max=22", 3),
            ("before=2030-01-05T00:00:00Z", 5),
            ("filter=name;t00&filter=owner;alice", 0),
            ("name=t1&filter=name;2", 1),
            ("filter=name;t1&filter=name;2&filter=name;x", 0),
            ("team=99", 0),
            ("filter=team;99", 0),
        ],
    )
    @pytest.mark.parametrize("form", [True, False])
    def test_filters_combine(self, things: list[Thing], query: str, found: int, form: bool) -> None:
        assert listing(query, form=form).total == found

    def test_several_ids(self, things: list[Thing]) -> None:
        first, second = things[0].pk, things[1].pk
        assert names(f"id={first},{second}") == ["t01", "t00"]
        assert names(f"filter=id;{second}") == ["t01"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("called=t03,t05", ["t05", "t03"]),
            ("called=t03&called=t05", ["t05", "t03"]),
            ("called=,t03, ,&called=", ["t03"]),
            ("filter=called;t03,t05", ["t05", "t03"]),
            ("called=t03,t05&filter=called;t05,t06", ["t05"]),
            ("called=nothing", []),
        ],
    )
    @pytest.mark.parametrize("form", [True, False])
    def test_several_texts(self, things: list[Thing], query: str, found: list[str], form: bool) -> None:
        assert [one.name for one in listing(query, form=form).items] == found
        assert listing("called=,", form=form).total == 25

    @pytest.mark.parametrize(
        "query",
        [
            "notify=maybe",
            "filter=notify;2",
            "filter=id;x",
            "before=soon",
            "id=1,x",
            "team=x",
            f"team={2**63}",
            "filter=id;1&filter=id;x",
        ],
    )
    def test_junk_is_refused_by_name(self, things: list[Thing], query: str) -> None:
        with pytest.raises(Invalid) as refusal:
            listing(query)
        assert len(refusal.value.reasons) == 1

    @pytest.mark.parametrize(
        "query",
        [
            "page=0",
            "page=-1",
            "page=x",
            "page=1.5",
            "page=%D9%A1",
            "page=1_0",
            "page=1000000000001",
            "page=" + "9" * 5000,
            "count=abc",
            "count=-1",
            "count=1001",
            "after=x",
            f"after={2**63}",
        ],
    )
    def test_bad_numbers(self, query: str) -> None:
        with pytest.raises(Invalid) as refusal:
            listing(query)
        name = query.partition("=")[0]
        assert "whole number" in refusal.value.reasons[name]

    def test_beyond_the_end_is_an_empty_page(self, things: list[Thing]) -> None:
        page = listing("page=9")
        assert (page.items, page.total, page.pages, page.next, page.previous) == ([], 25, 3, None, 3)

    def test_count_zero_only_counts(self, things: list[Thing]) -> None:
        page = listing("count=0")
        assert (page.items, page.total, page.next) == ([], 25, None)

    def test_pages(self, things: list[Thing]) -> None:
        page = listing("page=2")
        assert (page.pages, page.previous, page.next, page.first, page.last) == (3, 1, 3, 11, 20)
        page = listing("page=3")
        assert (page.previous, page.next, page.first, page.last) == (2, None, 21, 25)

    def test_total_none(self, things: list[Thing]) -> None:
        page = listing("total=none")
        assert (page.total, page.pages, page.next) == (None, None, 2)
        assert listing("total=none&page=3").next is None

    def test_after_reads_everything_once(self, things: list[Thing]) -> None:
        seen: list[int] = []
        query = "count=10"
        while page := [thing.pk for thing in listing(query).items]:
            seen += page
            query = f"count=10&after={page[-1]}"
        assert seen == sorted((thing.pk for thing in things), reverse=True)

    def test_after_counts_all_that_match(self, things: list[Thing]) -> None:
        assert listing(f"after={things[3].pk}").total == 25

    def test_after_goes_with_other_ways_of_paging(self, things: list[Thing]) -> None:
        last = things[4].pk
        assert names(f"after={last}&sortBy=name&sortDir=asc&count=3") == ["t00", "t01", "t02"]
        assert names(f"after={last}&count=3&page=2") == ["t00"]

    @pytest.mark.parametrize("text", ["all", "NONE", "1"])
    def test_total_is_none_or_left_out(self, text: str) -> None:
        with pytest.raises(Invalid) as refusal:
            listing(f"total={text}")
        assert "total" in refusal.value.reasons

    def test_the_form_is_there_for_pages(self, things: list[Thing]) -> None:
        form = listing("filter=name;t1").filterset.form
        assert form["name"].value() == "t1"
        assert "team" in form.fields

    def test_request_reaches_the_filters(self, things: list[Thing], rf: Any) -> None:
        request = rf.get("/")
        assert listing("", request=request).filterset.request is request


class TestCost:
    """What a list costs in statements."""

    def statements(self, query: str) -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page = listing(query)
            assert page.items is not None
            assert page.total != -1
            assert page.pages != -1
        return [one["sql"] for one in captured.captured_queries]

    def skipped(self, query: str, **options: Any) -> int:
        """How many rows the database passes over to come to the page."""
        with CaptureQueriesContext(connection) as captured:
            assert listing(query, **options).items is not None
        return sum(int(number) for one in captured for number in re.findall(r"OFFSET (\d+)", one["sql"]))

    def test_nothing_is_read_before_it_is_needed(self, things: list[Thing]) -> None:
        with CaptureQueriesContext(connection) as captured:
            listing("name=t")
        assert not captured.captured_queries

    def test_a_full_page_costs_two_statements(self, things: list[Thing]) -> None:
        assert len(self.statements("")) == 2

    @pytest.mark.parametrize("query", ["page=3", "name=t24", "name=nothing", "count=100"])
    def test_the_last_page_counts_itself(self, things: list[Thing], query: str) -> None:
        assert len(self.statements(query)) == 1

    def test_total_none_does_not_count(self, things: list[Thing]) -> None:
        assert len(self.statements("total=none")) == 1

    def test_large_counts_are_kept_for_a_while(self, things: list[Thing], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counts, "COUNTED_EXACTLY", 20)
        cache.clear()
        assert listing("").total == 25
        things[0].delete()
        assert listing("").total == 25
        assert listing("owner=alice@example.org").total == 12
        cache.clear()
        assert listing("").total == 24

    @pytest.mark.parametrize("query", ["", "ordering=name", "ordering=-owner", "filter=owner;alice&ordering=not_after"])
    def test_deep_pages_hold_the_same_rows(
        self, things: list[Thing], monkeypatch: pytest.MonkeyPatch, query: str
    ) -> None:
        pages = [listing(f"{query}&count=4&page={page}").items for page in range(1, 8)]
        monkeypatch.setattr(lists, "DEEP", 3)
        assert [listing(f"{query}&count=4&page={page}").items for page in range(1, 8)] == pages
        assert len(self.statements(f"{query}&count=4&page=2&total=none")) == 1

    def test_pages_beyond_the_middle_are_read_from_the_end(
        self, things: list[Thing], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lists, "DEEP", 3)
        assert [self.skipped(f"count=4&page={page}") for page in range(2, 8)] == [4, 8, 9, 5, 1, 0]
        assert self.skipped("count=4&page=9") == 0
        assert [self.skipped("count=4&page=6&total=none"), self.skipped("count=4&page=6", form=False)] == [20, 20]

    def test_the_last_page_ends_where_the_total_that_it_shows_says(
        self, things: list[Thing], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lists, "DEEP", 3)
        monkeypatch.setattr(counts, "COUNTED_EXACTLY", 20)
        cache.clear()
        last = listing("count=4&page=7").items
        Thing.objects.create(name="newer", owner="alice@example.org", not_after=things[0].not_after)
        again = listing("count=4&page=7")
        assert (again.items, again.total, again.last) == (last, 25, 25)

    def test_the_kept_count_is_of_the_same_question(self, things: list[Thing], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counts, "COUNTED_EXACTLY", 5)
        cache.clear()
        assert [listing(f"filter=owner;{who}").total for who in ("alice", "bob", "example")] == [12, 13, 25]


def test_narrow_leaves_out_what_was_not_asked(db: None) -> None:
    filters = listing("size_min=3&notify=1", form=False).filterset.filters
    assert set(filters) == {"size", "notify"}
    assert "team" in ThingFilter.base_filters


def test_plain_paging(things: list[Thing]) -> None:
    page = Listing(NoFilters, Thing.objects.all(), QueryDict("count=5&owner=ignored"))
    assert (len(page.items), page.total) == (5, 25)
    assert issubclass(NoFilters, FilterSet)
