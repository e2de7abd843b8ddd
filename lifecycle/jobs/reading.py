"""What can be read of any kind of job, as expressions that the rows of all kinds are asked for in one statement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.jobs import Job, JobQuerySet
from core.permissions import EVERYTHING, NOTHING, permissions_of

LATELY: Final = timedelta(days=1)
"""How long what is done can be looked at."""
COLUMNS: Final = (
    "what", "pk", "standing", "since", "attempts", "last_error", "not_before", "leased", "subject", "subject_pk",
    "place", "place_pk", "link", "reached", "out_of", "broken", "note", "mine",
)  # fmt: skip


class State(models.TextChoices):
    """Where a job stands, as people ask for it."""

    WAITING = "waiting", _("Waiting")
    WORKING = "working", _("At work")
    FAILED = "failed", _("Given up")
    UNKNOWN = "unknown", _("In doubt")
    DONE = "done", _("Done")


class Note(models.TextChoices):
    """Why one that waits is not taken up, or one at work will not go on."""

    OFF = "off", _("switched off")
    TURN = "turn", _("waits for its turn")
    STOPPING = "stopping", _("stopping")


def text(expression: Any) -> Cast:
    """So that the columns of all kinds are of one type."""
    return Cast(expression, models.TextField())


def number(expression: Any) -> Cast:
    """The same for numbers."""
    return Cast(expression, models.BigIntegerField())


def moment(expression: Any) -> Cast:
    """The same for moments."""
    return Cast(expression, models.DateTimeField())


CREATED: Final = F("created_at")
NO_NUMBER: Final = Value(None)
NO_TEXT: Final = Value("")


@dataclass(frozen=True)
class Reference:
    """What a job is about, or where that is: the kind of thing, the way to its key if it has one, and its name."""

    type: str
    key: Any
    name: Any


@dataclass(frozen=True)
class Right:
    """An action on what ``path`` leads to from the job; to the job itself without one."""

    action: str
    model: type[models.Model]
    path: str = ""

    def held(self, user: User) -> Any:
        """May the person, of each row? As an expression."""
        rules = permissions_of(self.model)
        condition = rules.condition(user, self.action)
        if condition is NOTHING or (condition is EVERYTHING and self.action not in rules.never):
            return Value(condition is EVERYTHING, output_field=models.BooleanField())
        rows = self.model._default_manager.filter(pk=OuterRef(self.path or "pk"))
        return Exists(rules.allowed(user, self.action, rows))

    def within(self, rows: JobQuerySet, user: User) -> JobQuerySet:
        """The rows of which the person may."""
        rules = permissions_of(self.model)
        if not self.path:
            return cast(JobQuerySet, rules.allowed(user, self.action, rows))
        if rules.condition(user, self.action) is EVERYTHING and self.action not in rules.never:
            return rows
        return rows.filter(**{f"{self.path}__in": rules.allowed(user, self.action)})


@dataclass(frozen=True)
class Kind:
    """One kind of job: how it is read, who may see and retry it, and how that is done.

    ``seen``: whoever sees the job must be allowed all of these. ``given_up``: which of those that failed somebody can
    still mend. ``fails_done``: those may be called done in their rows. ``restless``: which of those that wait are
    under way. ``reached`` of ``out_of``, and ``broken`` of them: how far it has come.
    """

    name: str
    title: str | Promise
    model: type[Job]
    about: Reference
    seen: tuple[Right, ...]
    right: Right
    retry: Callable[..., object]
    place: Reference = Reference("", NO_NUMBER, NO_TEXT)
    stop: Callable[..., object] | None = None
    related: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    since: Any = CREATED
    given_up: Callable[[datetime], Q] = lambda now: Q(state=Job.State.FAILED)
    fails_done: bool = False
    restless: Q = EVERYTHING
    link: Any = NO_TEXT
    reached: Any = NO_NUMBER
    out_of: Any = NO_NUMBER
    broken: Any = NO_NUMBER
    note: Any = NO_TEXT

    def rows(self, user: User) -> JobQuerySet:
        """Those that the person may see."""
        rows = self.model._default_manager.order_by()
        for right in self.seen:
            rows = right.within(rows, user)
        return rows

    def unfinished(self, now: datetime) -> Q:
        """What is under way, and what did not work."""
        given_up = self.given_up(now)
        not_done = ~Q(state=Job.State.DONE) & self.restless & (~Q(state=Job.State.FAILED) | given_up)
        return not_done | given_up if self.fails_done else not_done

    def in_state(self, state: str, now: datetime) -> Q:
        """Those that stand so; of what is done, the last day."""
        done = Q(state=Job.State.DONE, not_before__gt=now - LATELY)
        conditions: Mapping[str, Q] = {
            State.WAITING: Q(state=Job.State.WAITING) & ~JobQuerySet.at_work(now) & self.restless,
            State.WORKING: JobQuerySet.at_work(now) & self.restless,
            State.FAILED: self.given_up(now),
            State.UNKNOWN: Q(state=Job.State.UNKNOWN),
            State.DONE: done & ~self.given_up(now) if self.fails_done else done,
        }
        return conditions[state]

    def matching(self, words: str) -> Q:
        """Part of what it is about, or of what was said."""
        found = Q(last_error__icontains=words)
        for column in self.searched:
            found |= Q(**{f"{column}__icontains": words})
        return found

    def keys(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What the rows of all kinds are told apart and sorted by."""
        found: QuerySet[Any] = rows.annotate(what=text(Value(self.name)), since=moment(self.since))
        return found

    def in_full(self, pks: Collection[int], user: User, now: datetime) -> QuerySet[Any]:
        """All that is shown of these, by :data:`COLUMNS`."""
        rows = self.keys(self.rows(user).filter(pk__in=pks))
        standing = Case(
            When(JobQuerySet.at_work(now), then=Value(State.WORKING)),
            *([When(self.given_up(now), then=Value(State.FAILED))] if self.fails_done else []),
            default=F("state"),
        )
        found: QuerySet[Any] = rows.annotate(
            standing=text(standing),
            subject=text(self.about.name),
            subject_pk=number(self.about.key),
            place=text(self.place.name),
            place_pk=number(self.place.key),
            link=text(self.link),
            reached=number(self.reached),
            out_of=number(self.out_of),
            broken=number(self.broken),
            note=text(self.note),
            mine=self.right.held(user),
        ).values_list(*COLUMNS)
        return found
