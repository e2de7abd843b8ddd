"""Requests that are sent again: whose key it is, what was answered, and what had been made before a request died.

:func:`claim` is for who takes requests; :func:`recall` and :func:`remember` are for services that talk to the outside
world between two transactions. What is done in one transaction needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.timezone import now as clock

from core.audit import acting
from core.errors import Conflict
from core.models import IdempotentAnswer

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=90)  # longer than the web server lets any request run

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Claim:
    """A key: ours to answer, or with a ``status`` and ``body`` that were answered already."""

    pk: int
    lease: datetime
    status: int | None = None
    body: Any = None

    def answer(self, status: int, body: Any) -> bool:
        """Keep this answer; False if the key is not ours any more."""
        return bool(self._mine.update(status=status, body=body))

    def release(self) -> bool:
        """Let the request be sent again; False if the key is not ours any more."""
        return bool(self._mine.update(lease_until=clock()))

    def free(self) -> None:
        """Forget the key of a request that was refused, unless it has made something: then it keeps its key."""
        if not self._mine.filter(made="").delete()[0]:
            self.release()

    @property
    def _mine(self) -> QuerySet[IdempotentAnswer]:
        # Whoever takes over raises the lease, so that a sleeper that wakes up late finds nothing to answer.
        return IdempotentAnswer.objects.filter(pk=self.pk, status=None, lease_until=self.lease)


def claim(user: Any, key: str, digest: str) -> Claim:
    """Take a user's key for a request of this ``digest``. Raises Conflict if it is another's, or still at work."""
    now = clock()
    lease = now + LEASE
    row, created = _row(user, key, digest, lease, now=now)
    if row.digest != digest:
        raise Conflict("This Idempotency-Key was used for another request; use a new one.")
    if row.status is not None:
        return Claim(row.pk, lease, row.status, row.body)
    dead = IdempotentAnswer.objects.filter(pk=row.pk, status=None, lease_until__lte=now)
    if not created and not dead.update(lease_until=lease):
        raise Conflict("The first request with this Idempotency-Key is still at work; ask again later.")
    return Claim(row.pk, lease)


def claim_form(user: Any, digest: str) -> int:
    """The key of a form that was sent, for ``core.audit.acting_as(idempotency=…)``: same content, same key."""
    now = clock()
    return _row(user, f"form:{digest}", digest, now, now=now)[0].pk


def _row(user: Any, key: str, digest: str, lease: datetime, *, now: datetime) -> tuple[IdempotentAnswer, bool]:
    IdempotentAnswer.objects.filter(created_at__lte=now - KEPT).delete()
    return IdempotentAnswer.objects.get_or_create(user=user, key=key, defaults={"digest": digest, "lease_until": lease})


def recall(model: type[M]) -> M | None:
    """The row of this kind that was made under the present key; None without a key, or if there is none."""
    kind, _, pk = _made().partition(":")
    return model._default_manager.filter(pk=pk).first() if kind == model._meta.label_lower else None


def remember(made: Model, *, instead_of: Model | None = None) -> None:
    """Store, in the transaction that makes it, what was made under the present key.

    ``instead_of`` is what :func:`recall` gave and the caller does not want. Raises Conflict when another request with
    the key was faster; then nothing must be made.
    """
    key = acting().idempotency
    before = _name(instead_of) if instead_of is not None else ""
    if key is not None and not IdempotentAnswer.objects.filter(pk=key, made=before).update(made=_name(made)):
        raise Conflict("The same request was sent twice and is carried out already; look for its result.")


def _made() -> str:
    key = acting().idempotency
    row = None if key is None else IdempotentAnswer.objects.filter(pk=key).values_list("made", flat=True).first()
    return row or ""


def _name(row: Model) -> str:
    return f"{row._meta.label_lower}:{row.pk}"
