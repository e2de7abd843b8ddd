"""A job: something we must do in the outside world, written down before we do it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.timezone import now as clock

from pki.names import printable

LEASE = timedelta(minutes=10)
OFTEN = 3
DOUBLINGS = 16
"""Of the first pause, whatever the longest one is: three weeks. Of more than forty no time span can be made."""
# Nobody claims anything for longer, and nothing waits longer: what seems to was written by a clock that was ahead.
LONGEST_LEASE, LONGEST_WAIT = timedelta(hours=1), timedelta(days=8)


NOTHING_TO_RETRY = "There is nothing to try again: it is due already, at work, or done."


class LeaseLost(Exception):
    """Another worker took this job over while we slept; nothing was written."""


class JobQuerySet(models.QuerySet[Any]):
    """What sweeps and workers ask of jobs."""

    def due(self, now: datetime | None = None) -> Self:
        """Waiting, and either never tried, or its retry time or its lease has passed, or neither can be meant."""
        now = now or clock()
        left = Q(leased=True, not_before__gt=now + LONGEST_LEASE) | Q(not_before__gt=now + LONGEST_WAIT)
        return self.filter(left | Q(not_before__lte=now), state=Job.State.WAITING)

    def failing(self) -> Self:
        """Given up, in doubt, or tried in vain :data:`OFTEN` times by now."""
        hopeless = Q(state__in=[Job.State.FAILED, Job.State.UNKNOWN])
        return self.exclude(state=Job.State.DONE).filter(hopeless | Q(failures__gte=OFTEN))

    def claim(self, pk: int, *, lease: timedelta = LEASE, now: datetime | None = None) -> Any:
        """Take one due job for ourselves, or return None if it is not due or another worker was faster.

        One conditional UPDATE decides, on both engines; no lock is held while the outside world is slow. If we die, the
        lease runs out and someone else takes over.
        """
        now = now or clock()
        taken = self.due(now).filter(pk=pk).update(not_before=now + lease, leased=True, attempts=F("attempts") + 1)
        return self.get(pk=pk) if taken else None

    def take_over(self, pk: int, *, lease: timedelta = LEASE, now: datetime | None = None) -> Any:
        """Take a job that is not done because a person says so, whatever it waits for; None if it is done.

        A worker that has it at this moment writes nothing any more.
        """
        return self._take(pk, ~Q(state=Job.State.DONE), until=(now or clock()) + lease)

    def take_up(self, pk: int, *, lease: timedelta = LEASE, now: datetime | None = None) -> Any:
        """Take a job that is not done, whatever it waits for; None if it is done, or if somebody works on it now."""
        now = now or clock()
        return self._take(pk, ~Q(state=Job.State.DONE) & ~self.at_work(now), until=now + lease)

    def hasten(self, *, now: datetime, **changes: Any) -> int:
        """Make due now, because a person says so, what was given up or waits for later; ``changes`` are stored with it.

        How many those were: what is done, at work or due already is left alone. What was given up is counted anew.
        """
        later = Q(state=Job.State.WAITING, leased=False, not_before__gt=now)
        given_up = Q(state__in=[Job.State.FAILED, Job.State.UNKNOWN])
        failures = Case(When(state=Job.State.WAITING, then=F("failures")), default=Value(0))
        fresh = {"state": Job.State.WAITING, "not_before": now, "leased": False, "failures": failures}
        return self.filter(later | given_up).update(**fresh, **changes)

    @staticmethod
    def at_work(now: datetime) -> Q:
        """Those that somebody has claimed, and whose lease has not run out."""
        return Q(state=Job.State.WAITING, leased=True, not_before__gt=now, not_before__lte=now + LONGEST_LEASE)

    def _take(self, pk: int, which: Q, *, until: datetime) -> Any:
        changes = {"state": Job.State.WAITING, "not_before": until, "leased": True, "attempts": F("attempts") + 1}
        return self.get(pk=pk) if self.filter(which, pk=pk).update(**changes) else None


class Job(models.Model):
    """Claimed with a lease, retried ever less often, and never silently forgotten."""

    class State(models.TextChoices):
        """Unknown is what nobody can tell; it is for a person, never tried again by itself."""

        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0, help_text="How often it was claimed: the fencing token.")
    leased = models.BooleanField(default=False, help_text="Does somebody work on it until not_before?")
    failures = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(default=clock)
    last_error = models.TextField(blank=True)
    most_failures = 8
    steady_pause = longest_pause = timedelta(days=1)
    """Between two attempts, in the end; and the most that the other side can ask us to wait."""

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True

    def is_at_work(self, now: datetime) -> bool:
        """Has somebody claimed it, and is the lease still running?"""
        return self.state == self.State.WAITING and self.leased and now < self.not_before <= now + LONGEST_LEASE

    def succeed(self, **changes: Any) -> None:
        """Done; ``changes`` are stored with it. Raises :class:`LeaseLost` if the job is not ours any more."""
        self._close(state=self.State.DONE, last_error="", **changes)

    def fail(
        self,
        error: str,
        *,
        permanent: bool = False,
        retry_after: timedelta | None = None,
        now: datetime | None = None,
    ) -> None:
        """Remember what went wrong; try again later, ever less often, unless it is hopeless.

        ``retry_after``: not before that, since the other side has said so; within the longest pause.
        """
        self._close(**self.after_failure(error, permanent=permanent, retry_after=retry_after, now=now or clock()))

    def after_failure(
        self, error: str, *, permanent: bool, now: datetime, retry_after: timedelta | None = None
    ) -> dict[str, Any]:
        """What :meth:`fail` writes."""
        failures = self.failures + 1
        changes = {"last_error": printable_lines(error), "failures": failures}
        if permanent or failures >= self.most_failures:
            return {"state": self.State.FAILED, **changes}
        doubled = timedelta(seconds=30 * 2 ** min(failures, DOUBLINGS))
        pause = min(max(min(doubled, self.steady_pause), retry_after or timedelta(0)), self.longest_pause)
        return {"state": self.State.WAITING, "not_before": now + pause, **changes}

    def wait(self, until: datetime, **changes: Any) -> None:
        """Nothing went wrong, but it is not done yet: look again then."""
        self._close(state=self.State.WAITING, not_before=until, **changes)

    def doubt(self, error: str) -> None:
        """What became of it outside is unknown: it is never tried again by itself, a person must look."""
        self._close(state=self.State.UNKNOWN, last_error=printable_lines(error))

    def _close(self, **changes: Any) -> None:
        # The number of attempts is the fencing token: whoever claimed after us has raised it.
        mine = type(self)._default_manager.filter(pk=self.pk, attempts=self.attempts, state=self.State.WAITING)
        changes["leased"] = False
        if not mine.update(**changes):
            raise LeaseLost(f"{self} was taken over by another worker.")
        for name, value in changes.items():
            setattr(self, name, value)


def printable_lines(error: str) -> str:
    """What somebody outside may have said, line by line, with nothing in it that cannot be seen."""
    return "\n".join(map(printable, error.split("\n")))
