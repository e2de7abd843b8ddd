"""Recognising what an earlier request with the same Idempotency-Key had made before it died.

For services that talk to the outside world between two transactions; what is done in one transaction needs none of it.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model

from core.audit import acting
from core.errors import Conflict
from core.models import IdempotentAnswer

M = TypeVar("M", bound=Model)


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
