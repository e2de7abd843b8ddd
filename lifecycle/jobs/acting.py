"""A press of a button beside a job: the service of the kind asks for the right, does it, and records it."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from core.errors import NotFound, Precondition
from core.jobs import Job
from lifecycle.jobs.kinds import KIND_OF, KINDS


def find(kind: str, pk: int, *, by: User) -> Any:
    """The job. NotFound if there is none, or if the person may not see it."""
    known = KINDS.get(kind)
    found = None if known is None else known.rows(by).select_related(*known.related).filter(pk=pk).first()
    if found is None:
        raise NotFound(f"There is no job of the kind {kind[:20]} with the id {pk}.")
    return found


def retry(job: Job, *, by: User) -> None:
    """Errors as those of the kind's own verb; Conflict or Precondition where there is nothing to try again by now."""
    KIND_OF[type(job)].retry(job, by=by)


def stop(job: Job, *, by: User) -> None:
    """The same for stopping. Precondition for a kind that cannot be stopped."""
    kind = KIND_OF[type(job)]
    if kind.stop is None:
        raise Precondition(f"A job of the kind {kind.name} cannot be stopped.")
    kind.stop(job, by=by)
