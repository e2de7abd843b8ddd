"""Knowing what sources have: new certificates come in, known ones are linked, those that vanished are unlinked.

The plugin is asked outside of any transaction, and what it says is written down certificate by certificate, so that a
sync that dies is simply done again. Nothing is unlinked, and no endpoint forgotten, unless all of it was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import Conflict, DomainError, Precondition
from core.failpoints import around
from core.jobs import LEASE, NOTHING_TO_RETRY, LeaseLost
from core.queue import enqueue
from lifecycle.models import Sync
from lifecycle.sighting import Tally, forget_endpoints, see, take_in, unlink
from pki.errors import PkiError
from plugins.contracts import SeesEndpoints
from plugins.errors import PluginError
from plugins.values import FoundCertificate, FoundEndpoint
from stores.models import Source
from stores.permissions import source_permissions

EVERY = timedelta(seconds=2)
"""Of progress that people see."""
State = Sync.State
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Cancelled(DomainError):
    """A person wants it to stop."""

    title = "It was cancelled."


def sync_sources(*, now: datetime | None = None) -> list[int]:
    """Have a worker look into every active source; one that is looked into at this moment is left alone."""
    now, begun = now or clock(), []
    for source in Source.objects.filter(active=True):
        sync = _arm(source, by=None, now=now)
        if sync is not None:
            begun.append(sync.pk)
    return begun


def ask_to_sync(source: Source, *, by: User | None = None, now: datetime | None = None) -> Sync:
    """The same for one source, because a person wants to know now. Precondition if it is switched off."""
    by = acting(by)
    source_permissions.require(by, "change", source)
    _require_active(source)
    return _arm(source, by=by, now=now or clock()) or Sync.objects.get(source=source)


def _require_active(source: Source) -> None:
    if not source.active:
        raise Precondition(f"{source} is switched off; switch it on first.")


@committing("sync.retry")
def retry_sync(sync: Sync, *, by: User | None = None, now: datetime | None = None) -> None:
    """The same for a look that was given up. Conflict if a worker looks at this moment, or has meanwhile."""
    by, now, source = acting(by), now or clock(), sync.source
    source_permissions.require(by, "change", source)
    _require_active(source)
    if not Sync.objects.filter(pk=sync.pk).hasten(now=now, by=by, last_error="", **_begun(now)):
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.SOURCE_RETRIED, source, by=by)
    enqueue("lifecycle.sync", sync.pk)


def _begun(now: datetime) -> dict[str, Any]:
    """Of a sync that begins anew."""
    return {**asdict(Tally()), "cancelled": False, "begun_at": now, "ended_at": None}


@committing("sync.arm")
def _arm(source: Source, *, by: User | None, now: datetime) -> Sync | None:
    sync, _ = Sync.objects.get_or_create(source=source, defaults={"state": State.DONE})
    idle = Sync.objects.filter(pk=sync.pk).exclude(Sync.objects.at_work(now))
    fresh = {"failures": 0, "last_error": "", **_begun(now)}
    if not idle.update(state=State.WAITING, not_before=now, leased=False, by=by, **fresh):
        return None
    enqueue("lifecycle.sync", sync.pk)
    sync.refresh_from_db()
    return sync


@committing("sync.cancel")
def cancel(sync: Sync, *, by: User | None = None) -> None:
    """It stops at the next certificate; what has come in stays. Conflict if it does not run."""
    by = acting(by)
    source_permissions.require(by, "change", sync.source)
    if not Sync.objects.filter(pk=sync.pk, state=State.WAITING).update(cancelled=True):
        raise Conflict(f"{sync.source} is not being looked into at this moment.")
    record(Event.SOURCE_SYNC_CANCELLED, sync.source, by=by)


def due_syncs(now: datetime | None = None) -> list[int]:
    """Which a sweep must take up: those that a lost message or a dead worker left behind."""
    return list(Sync.objects.due(now).filter(source__active=True).values_list("pk", flat=True))


def sync(sync_id: int, *, now: datetime | None = None) -> bool:
    """Look into one source, if that is due and nobody else does. What goes wrong stands in the row."""
    now = now or clock()
    job: Sync | None = Sync.objects.select_related("source").claim(sync_id, now=now)
    if job is None:
        return False
    try:
        _carry_out(job, now=now)
        return True
    except LeaseLost:
        return False
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _give_up(job, error)
        return False


def _carry_out(job: Sync, *, now: datetime) -> None:
    """Certificates first, so that endpoints find theirs."""
    source, watch = job.source, Watch(job)
    here: set[int] = set()
    for found in watch.over(_certificates(source)):
        here |= take_in(source, found, watch.tally)
    for endpoint in watch.over(_endpoints(source)):
        here |= see(source, endpoint, watch.tally, now=now)
    unlink(source, here, watch.tally)
    if issubclass(source.plugin_class, SeesEndpoints):
        forget_endpoints(source, now=now)
    _finish(job, watch.tally)


def _certificates(source: Source) -> Iterator[FoundCertificate]:
    with around("source.list"), foreign(source.plugin, store=str(source)):
        yield from source.open().certificates()


def _endpoints(source: Source) -> Iterator[FoundEndpoint]:
    plugin = source.open()
    if isinstance(plugin, SeesEndpoints):
        with around("source.endpoints"), foreign(source.plugin, store=str(source)):
            yield from plugin.endpoints()


class Watch:
    """Writes down how far a sync has come, now and then, and keeps its lease; stops where a person wants it to."""

    def __init__(self, job: Sync) -> None:
        self.job, self.tally, self._next = job, Tally(), clock()

    def over(self, found: Iterable[T]) -> Iterator[T]:
        """The same, one by one. Raises Cancelled, or LeaseLost."""
        for one in found:
            yield one
            if clock() >= self._next:
                self._note()

    def _note(self) -> None:
        self._next = clock() + EVERY
        mine = Sync.objects.filter(pk=self.job.pk, attempts=self.job.attempts, state=State.WAITING)
        if not mine.update(not_before=clock() + LEASE, **asdict(self.tally)):
            raise LeaseLost(f"{self.job} was taken over by another worker.")
        if mine.filter(cancelled=True).exists():
            raise Cancelled


@committing("sync.finish")
def _finish(job: Sync, tally: Tally) -> None:
    """It is an event only where something is different."""
    job.succeed(ended_at=clock(), **asdict(tally))
    Source.objects.filter(pk=job.source_id).update(last_run=clock())
    if tally.added or tally.linked or tally.unlinked:
        record(
            Event.SOURCE_SYNCED,
            job.source,
            by=job.by or system_user(),
            added=tally.added,
            linked=tally.linked,
            unlinked=tally.unlinked,
        )


@committing("sync.give-up")
def _give_up(job: Sync, error: Exception) -> None:
    """People see why; the timetable begins it anew."""
    job.fail(str(error), permanent=True)
    Sync.objects.filter(pk=job.pk).update(ended_at=clock())
