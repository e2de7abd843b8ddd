"""One list of the jobs of every kind, narrowed, sorted and paged as other lists are.

Two statements whatever there is: the keys of a page among the rows of all kinds that are not done, for which each kind
has a partial index; then all that is shown of those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote

import django_filters
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.timezone import now as clock

from accounts.models import User
from authorities.models import Authority
from certificates.models import Batch, Certificate, Order
from core.errors import Invalid
from lifecycle.jobs.kinds import BATCH, KIND_OF, KINDS, ORDER
from lifecycle.jobs.reading import COLUMNS, Kind, Note, State
from stores.models import Destination, Source
from web.lists import DEFAULT_COUNT, FilterSet, Listing, YesNoFilter

PAGES: dict[str, Any] = {
    "authority": Authority, "batch": Batch, "certificate": Certificate, "destination": Destination, "order": Order,
    "source": Source,
}  # fmt: skip
KEYS = ("what", "pk", "since", "not_before", "attempts")


@dataclass(frozen=True)
class Thing:
    """What a job is about, or where that is; ``id`` is None for what has no row, such as a recipient."""

    type: str
    id: int | None
    name: str
    link: str = ""

    @property
    def url(self) -> str:
        """Its page, or the list that it stands in."""
        if self.type in PAGES:
            return str(PAGES[self.type](pk=self.id).get_absolute_url())
        if self.type == "endpoint":
            return f"/endpoints/?q={quote(self.name.rpartition(':')[0])}"
        return self.link or f"/notices/?q={quote(self.name)}"


class _Columns(NamedTuple):
    """What is read of a job: reading.COLUMNS."""

    what: str
    pk: int
    standing: str
    since: datetime | None
    attempts: int
    last_error: str
    not_before: datetime
    leased: bool
    subject: str
    subject_pk: int
    place: str
    place_pk: int | None
    link: str
    reached: int | None
    out_of: int | None
    broken: int | None
    note: str
    mine: bool


assert _Columns._fields == COLUMNS  # noqa: S101  two lists of one order


@dataclass(frozen=True)
class Row:
    """One job of the list. ``now`` is when it was read, ``allowed``: may the person retry and stop it?"""

    kind: Kind
    read: _Columns
    now: datetime

    @property
    def id(self) -> int:
        return self.read.pk

    @property
    def attempts(self) -> int:
        return self.read.attempts

    @property
    def since(self) -> datetime | None:
        return self.read.since

    @property
    def name(self) -> str:
        """Of its kind, as in addresses."""
        return self.kind.name

    @property
    def title(self) -> str | Promise:
        """Of its kind, for people."""
        return self.kind.title

    @property
    def state(self) -> str:
        return self.read.standing

    @property
    def note(self) -> str | Promise:
        """Why one that waits is not taken up, in words."""
        return Note(self.read.note).label if self.read.note and self._open else ""

    @property
    def about(self) -> Thing:
        return Thing(self.kind.about.type, self.read.subject_pk, self.read.subject, self.read.link)

    @property
    def place(self) -> Thing | None:
        """Where, or with whom; None where there is no such thing."""
        return Thing(self.kind.place.type, self.read.place_pk, self.read.place) if self.read.place else None

    @property
    def next_try(self) -> datetime | None:
        """When it is due; None unless it waits for a moment."""
        return self.read.not_before if self.state == State.WAITING and not self.read.note else None

    @property
    def later(self) -> bool:
        """Does it wait for a moment that has not come?"""
        return self.next_try is not None and not self.read.leased and self.next_try > self.now

    @property
    def can_retry(self) -> bool:
        """May the person have it tried again, and is there something to try?"""
        left = self.kind is BATCH and (self.read.reached or 0) < (self.read.out_of or 0)
        over = self.state in (State.FAILED, State.UNKNOWN) or (self.state == State.DONE and left)
        return self.read.mine and (over or (self.later and self.kind is not BATCH))

    @property
    def can_stop(self) -> bool:
        """May the person stop it, and does it go on?"""
        goes_on = self._open and self.read.note != Note.STOPPING
        return self.read.mine and self.kind.stop is not None and goes_on

    @property
    def wants_a_look(self) -> bool:
        """Its page asks more than a press of a button: was it issued after all, is its key still there?"""
        return self.kind is ORDER and self.state in (State.FAILED, State.UNKNOWN)

    @property
    def percent(self) -> int | None:
        """How far it has come, where that can be said."""
        return 100 * (self.read.reached or 0) // self.read.out_of if self.read.out_of else None

    @property
    def _open(self) -> bool:
        return self.state in (State.WAITING, State.WORKING)


def in_full(keys: Iterable[tuple[str, int]], *, user: User, now: datetime) -> Iterator[Row]:
    """What is known of these, by kind and id, as far as the person may see them: one statement."""
    pks: defaultdict[str, list[int]] = defaultdict(list)
    for what, pk in keys:
        pks[what].append(pk)
    parts = [KINDS[what].in_full(some, user, now) for what, some in pks.items()]
    for read in map(_Columns._make, parts[0].union(*parts[1:], all=True) if parts else ()):
        yield Row(KINDS[read.what], read, now)


class JobFilter(FilterSet):
    """Narrows the rows of any one kind: kind, state, whether it does not work, and part of what it is about."""

    q = django_filters.CharFilter(method="search", label="Search")
    kind = django_filters.ChoiceFilter(
        choices=[(one.name, one.title) for one in KINDS.values()], method="of_kind", label="Kind"
    )
    state = django_filters.ChoiceFilter(choices=State.choices, method="in_state", label="State")
    failing = YesNoFilter(method="does_not_work", label="Does not work")
    ordering = django_filters.OrderingFilter(
        fields={"since": "since", "not_before": "next_try", "attempts": "attempts"}
    )

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Part of what it is about, or of what was said."""
        return rows.filter(KIND_OF[rows.model].matching(value.strip()))

    def of_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """All of them, or none."""
        return rows if KIND_OF[rows.model].name == value else rows.none()

    def in_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """See :class:`State`."""
        return rows.filter(KIND_OF[rows.model].in_state(value, clock()))

    def does_not_work(self, rows: Any, name: str, value: bool) -> QuerySet[Any]:
        """Given up, in doubt, or tried in vain several times by now."""
        kind = KIND_OF[rows.model]
        failing = Q(pk__in=rows.failing().values("pk"))
        if kind.fails_done:
            failing |= kind.given_up(clock())
        found: QuerySet[Any] = rows.filter(failing) if value else rows.exclude(failing)
        return found


def _sorted(name: str) -> OrderBy:
    """What has no such moment comes last."""
    field = F({"next_try": "not_before"}.get(name.removeprefix("-"), name.removeprefix("-")))
    return field.desc(nulls_last=True) if name.startswith("-") else field.asc(nulls_last=True)


class JobListing(Listing[Any]):
    """One page of the jobs that the person may see; what is not finished, unless a state is asked for.

    Its items are :class:`Row`. Rows of several kinds have no key in common, so ``after`` is refused.
    """

    def __init__(
        self,
        user: User,
        params: QueryDict,
        *,
        request: HttpRequest | None = None,
        form: bool = True,
        count: int = DEFAULT_COUNT,
    ) -> None:
        self.user, self.now = user, clock()
        super().__init__(JobFilter, Order.objects.none(), params, request=request, form=form, count=count)
        if self.after is not None:
            raise Invalid.field("after", "Jobs of several kinds have no ids in common; page with page and count.")

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """Kind and key of everything that matches, in a total order."""
        parts = [part for part in map(self._part, KINDS.values()) if not part.query.is_empty()]
        if not parts:
            return Order.objects.none()
        asked = self.ordering.split(",") if self.ordering else ["-since"]
        return parts[0].union(*parts[1:], all=True).order_by(*map(_sorted, asked), "what", "-pk")

    def _part(self, kind: Kind) -> QuerySet[Any]:
        """What matches of one kind."""
        rows: QuerySet[Any] = kind.keys(kind.rows(self.user))
        asked = (self.filterset, *self._besides)
        for filterset in asked:
            rows = filterset.filter_queryset(rows)
        if not any(filterset.form.cleaned_data.get("state") for filterset in asked):
            rows = rows.filter(kind.unfinished(self.now))
        return rows.order_by().values_list(*KEYS)

    @cached_property
    def items(self) -> list[Row]:
        """The jobs of this page."""
        start = (self.page - 1) * self.count
        keys = [(what, pk) for what, pk, *_ in self.rows[start : start + self.count]] if self.count else []
        found = {(row.name, row.id): row for row in in_full(keys, user=self.user, now=self.now)}
        return [found[key] for key in keys if key in found]
