"""Lists, for pages and API alike: which rows were asked for, in which order, how many, and how many there are.

``?filter=cn;example&sortBy=notAfter&sortDir=desc``, as Lemur says it, is ``?cn=example&ordering=-not_after``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from itertools import chain, islice
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import django_filters
from django import forms
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import DataError
from django.db.models import Count, Model, QuerySet, Window
from django.http import HttpRequest, QueryDict

from core.errors import Invalid
from web.choices import FewRows, FirstRows
from web.counts import remembered
from web.spelling import snake

DEFAULT_COUNT = 10
LARGEST_COUNT = 1000
LARGEST_PAGE = 10**12
LARGEST_ID = 2**63 - 1
COUNT_KEPT = 10  # seconds
STREAMED = 500
DEEP = 1_000  # from this row on, a page is found by its keys alone: they are skipped faster than rows with their joins
DIALECT = frozenset({"filter", "sortBy", "sortDir", "ordering"})

M = TypeVar("M", bound=Model)


class YesNoField(forms.Field):
    """Yes, no, or nothing said, in the spellings of contract 7.2; anything else is refused."""

    YES = frozenset({"true", "yes", "on", "t", "1"})
    NO = frozenset({"false", "no", "off", "f", "0"})
    widget = forms.Select(choices=[("", "Any"), ("true", "Yes"), ("false", "No")])

    def to_python(self, value: Any) -> bool | None:
        text = str("" if value is None else value).strip().lower()
        if text and text not in self.YES | self.NO:
            raise ValidationError("Not a valid boolean.")
        return text in self.YES if text else None


class YesNoFilter(django_filters.BooleanFilter):  # type: ignore[misc]
    """A boolean column; junk is an error, not "any"."""

    field_class = YesNoField


class NumberFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """A whole number, as every column here that holds one."""

    field_class = forms.IntegerField


class NumbersFilter(django_filters.BaseInFilter, NumberFilter):  # type: ignore[misc]
    """One number or several with commas between: ``id=2,3``."""


class SeveralTexts(django_filters.widgets.CSVWidget):  # type: ignore[misc]
    """With commas between, or the parameter several times."""

    def value_from_datadict(self, data: QueryDict, files: Any, name: str) -> list[str]:
        return [text for given in data.getlist(name) for text in given.split(",") if text.strip()]


class TextsFilter(django_filters.BaseInFilter, django_filters.CharFilter):  # type: ignore[misc]
    """One text or several: ``tag=a,b`` or ``tag=a&tag=b``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": SeveralTexts, **kwargs})


class RowFilterField(django_filters.fields.ModelChoiceField):  # type: ignore[misc]
    """A row by its id. An id that no row has is no mistake: nothing hangs on it.

    Of very many none is offered; the page of each of them leads here.
    """

    iterator = FirstRows
    widget = FewRows

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError:
            if not re.fullmatch(r"[0-9]{1,19}", str(value)) or int(value) > LARGEST_ID:
                raise
            return self.queryset.model(pk=int(value))


class RowFilter(django_filters.ModelChoiceFilter):  # type: ignore[misc]
    """What hangs on a row, chosen from all of them on pages."""

    field_class = RowFilterField


class FilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """Base of every FilterSet.

    Where a column has both forms of contract 7, ``filter_owner`` is for ``filter=owner;x`` (mostly a substring) and
    ``owner`` for ``owner=x`` (mostly exact). What may be sorted by is the ``ordering`` filter.
    ``narrow`` leaves out the filters that were not asked for, most of the cost of a FilterSet whose form is not shown.
    ``searched`` names those that look for parts of texts, which the database does row by row.
    """

    base_filters: dict[str, django_filters.Filter]
    searched: frozenset[str] = frozenset()

    def __init__(self, data: QueryDict, queryset: QuerySet[Any], *, narrow: bool = False, **kwargs: Any) -> None:
        if narrow:
            self.base_filters = {name: one for name, one in self.base_filters.items() if _concerns(one, name, data)}
        super().__init__(data, queryset, **kwargs)


def _concerns(one: django_filters.Filter, name: str, data: QueryDict) -> bool:
    """Some filters read several parameters, ``size_min`` and ``size_max`` for instance."""
    return bool(one.extra.get("required")) or any(key == name or key.startswith(name + "_") for key in data)


class NoFilters(FilterSet):
    """For lists that are only paged."""


def translate(params: QueryDict, filterset_class: type[FilterSet]) -> tuple[QueryDict, list[QueryDict]]:
    """The same question in the names that the FilterSet declares, and what it asks of the same names besides.

    Unknown plain parameters stay; forms ignore them. Raises Invalid for a filter without ``;``, a filter or sort field
    that the FilterSet does not declare, and for NUL.
    """
    plain = QueryDict(mutable=True)
    for name, values in params.lists():
        if any("\x00" in text for text in (name, *values)):
            raise Invalid("A parameter contains a NUL character; leave it out.")
        if name not in DIALECT:
            plain.setlist(snake(name), plain.getlist(snake(name)) + values)
    besides: list[QueryDict] = []
    for clause in filter(None, params.getlist("filter")):
        name, value = _read_clause(clause, filterset_class)
        if name in plain:
            besides.append(QueryDict(urlencode({name: value})))
        else:
            plain[name] = value
    if ordering := _read_ordering(params, filterset_class):
        plain["ordering"] = ",".join(ordering)
    return plain, besides


def filter_keys(filterset_class: type[FilterSet]) -> dict[str, str]:
    """What ``filter=key;value`` may name, in snake_case, and which filter each key means."""
    several = (django_filters.OrderingFilter, django_filters.RangeFilter)
    names = [name for name, one in filterset_class.base_filters.items() if not isinstance(one, several)]
    special = {name.removeprefix("filter_"): name for name in names if name.startswith("filter_")}
    return {name: name for name in names if name not in special.values()} | special


def _read_clause(clause: str, filterset_class: type[FilterSet]) -> tuple[str, str]:
    """The filter meant by ``key;value``, and the value: of more than two parts the rest is ignored (contract 1.6)."""
    key, separator, rest = clause.partition(";")
    if not separator:
        raise Invalid("A filter has the form <key>;<value>, for instance filter=name;example.")
    name, keys = snake(key), filter_keys(filterset_class)
    if name not in keys:
        raise _not_filterable(name)
    return keys[name], rest.partition(";")[0]


def _read_ordering(params: QueryDict, filterset_class: type[FilterSet]) -> list[str]:
    """Sorting happens only if both sortBy and sortDir are there (contract 1.5); pages say ``ordering``."""
    sort, direction = snake(params.get("sortBy", "")), params.get("sortDir", "")
    asked = [snake(name) for name in params.get("ordering", "").split(",") if name]
    ordering = filterset_class.base_filters.get("ordering")
    allowed = ordering.param_map if ordering else {}
    for name in [*([sort] if sort else []), *(name.removeprefix("-") for name in asked)]:
        if name not in allowed:
            raise _not_filterable(name)
    if sort and direction:
        return ["-" + sort if direction.lower() == "desc" else sort]
    return asked


def _not_filterable(name: str) -> Invalid:
    return Invalid(f"The field '{name[:100]}' is not sortable or filterable")


class Listing(Generic[M]):
    """One page of the rows that were asked for; nothing is read from the database before it is needed.

    ``rows`` are all rows the caller may see; ``params`` is the query string. Raises Invalid at once when it cannot be
    understood. Without a sort order the newest row comes first. ``after`` pages by key: only rows with a smaller id,
    though all are counted. ``count`` is how many rows a page has unless asked otherwise. ``filterset.form`` is for
    pages; callers without one say ``form=False``, which is faster.

    What pages show beyond the middle is read from the end, which is nearer, counted back from the total that they show.
    """

    def __init__(
        self,
        filterset_class: type[FilterSet],
        rows: QuerySet[M],
        params: QueryDict,
        *,
        request: HttpRequest | None = None,
        form: bool = True,
        count: int = DEFAULT_COUNT,
    ) -> None:
        self.page: int = _read_number(params, "page", default=1, least=1, most=LARGEST_PAGE)
        self.count: int = _read_number(params, "count", default=count, least=0, most=LARGEST_COUNT)
        self.after: int | None = _read_number(params, "after", default=None, least=0, most=LARGEST_ID)
        self.counted = not _read_total(params)
        asked, besides = translate(params, filterset_class)
        self._all = rows
        self.filterset = filterset_class(asked, rows, request=request, narrow=not form)
        self._besides = [filterset_class(one, rows, request=request, narrow=True) for one in besides]
        for filterset in (self.filterset, *self._besides):
            _check(filterset)
        self.ordering: str = asked.get("ordering", "")
        self._shows_total = form and self.counted and self.after is None

    @cached_property
    def rows(self) -> QuerySet[M]:
        """Everything that matches, in a total order."""
        with _limits_of_the_database():
            matching: QuerySet[M] = self.filterset.qs
            for filterset in self._besides:
                matching = filterset.filter_queryset(matching)
        return matching.order_by(*matching.query.order_by, "-pk")

    @cached_property
    def items(self) -> list[M]:
        """The rows of this page."""
        if not self.count:
            return []
        rows, start = self.rows, self._offset
        if self.after is not None:
            rows = rows.filter(pk__lt=self.after)
        page = rows[start : start + self.count]
        with _limits_of_the_database():
            if self._looked_up or start >= DEEP:
                keys = (
                    self._looked_up[0] if self._looked_up else self._far_down(rows.values_list("pk", flat=True), start)
                )
                page = self._all.filter(pk__in=keys).order_by(*rows.query.order_by)
            return list(page)

    def _far_down(self, keys: QuerySet[Any, Any], start: int) -> Iterable[Any]:
        """Those of a page that begins behind so many rows, from whichever end is nearer."""
        total = self._matching if self._shows_total else None
        if total is None or start < total // 2:
            return keys[start : start + self.count]
        return list(keys.reverse()[max(total - start - self.count, 0) : max(total - start, 0)])

    def stream(self) -> Iterator[M]:
        """Every row that matches, on all pages, read a few hundred at a time."""
        rows = self.rows.iterator(chunk_size=STREAMED)
        with _limits_of_the_database():  # which speaks up at the first row, if at all
            first = list(islice(rows, 1))
        return chain(first, rows)

    @cached_property
    def _looked_up(self) -> tuple[list[Any], int] | None:
        """The keys of the page, and how many rows match, from one look at the texts: a second one takes as long again.

        None where no text is searched, or nothing was found.
        """
        searched = any(self.filterset.data.get(name) for name in self.filterset.searched)
        if not searched or not self.counted or self.after is not None or self.rows.query.distinct:
            return None
        found = self.rows.annotate(found=Window(Count("*"))).values_list("pk", "found")
        with _limits_of_the_database():
            page = list(found[self._offset : self._offset + self.count])
        return ([pk for pk, _ in page], page[0][1]) if page else None

    @cached_property
    def total(self) -> int | None:
        """How many rows match: exact up to 10,000, above that at most 10 seconds old; None after ``total=none``."""
        if not self.counted:
            return None
        if self._looked_up:
            return self._looked_up[1]
        on_last_page = 0 < len(self.items) < self.count or (not self.items and self.count and self.page == 1)
        if on_last_page and self.after is None:
            return self._offset + len(self.items)
        return self._matching

    @cached_property
    def _matching(self) -> int:
        with _limits_of_the_database():
            return _count(self.rows)

    @property
    def pages(self) -> int | None:
        """How many pages there are, at least one; None if rows were not counted."""
        if self.total is None:
            return None
        return max(1, -(-self.total // self.count)) if self.count else 1

    @property
    def next(self) -> int | None:
        """The number of the next page, if there is one."""
        if self.pages is None:
            return self.page + 1 if self.count and len(self.items) == self.count else None
        return self.page + 1 if self.page < self.pages else None

    @property
    def previous(self) -> int | None:
        """The number of the page before, if there is one; from beyond the end, the last page."""
        return min(self.page - 1, self.pages or self.page) or None

    @property
    def first(self) -> int:
        """The place of the page's first row among all rows, from 1; 0 on an empty page."""
        return self._offset + 1 if self.items else 0

    @property
    def last(self) -> int:
        """The place of the page's last row among all rows; 0 on an empty page."""
        return self._offset + len(self.items) if self.items else 0

    @property
    def _offset(self) -> int:
        return (self.page - 1) * self.count


def _read_total(params: QueryDict) -> bool:
    """Whether counting shall be left out."""
    text = params.get("total", "")
    if text not in ("", "none"):
        raise Invalid.field("total", "Give none, or leave it out.")
    return text == "none"


def _read_number(params: QueryDict, name: str, *, default: Any, least: int, most: int) -> Any:
    text = params.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= most:
        raise Invalid.field(name, f"Give a whole number from {least} to {most}.")
    return int(text)


def _check(filterset: FilterSet) -> None:
    """Raises Invalid, naming each parameter that the FilterSet's form refuses or that no column could hold."""
    if not filterset.is_valid():
        raise Invalid(reasons={name: messages[0] for name, messages in filterset.errors.items()})
    for name, value in filterset.form.cleaned_data.items():
        if any(abs(number) > LARGEST_ID for number in _numbers(value)):
            raise Invalid.field(name, "This number is too large.")


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, int | Decimal):
        yield value
    elif isinstance(value, slice):
        yield from _numbers([value.start, value.stop])
    elif isinstance(value, Iterable) and not isinstance(value, str | QuerySet):
        for part in value:
            yield from _numbers(part)


@contextmanager
def _limits_of_the_database() -> Iterator[None]:
    """A value that no row could have, such as a moment before the year 1 in UTC, is the asker's mistake."""
    try:
        yield
    except (DataError, OverflowError) as error:
        raise Invalid("A value in this request is out of range.") from error


def _count(rows: QuerySet[Any]) -> int:
    """One statement at most: a large count is remembered, a small one is made again each time."""
    rows = rows.order_by()
    try:
        statement, values = rows.values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    return remembered((statement, values), rows.count, size=int, seconds=COUNT_KEPT)
