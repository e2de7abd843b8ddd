"""Counting many rows takes long: a large count is remembered for a while, a small one is made again each time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import CharField, Count, QuerySet, Value

COUNTED_EXACTLY = 10_000

T = TypeVar("T")


def count_each(**questions: QuerySet[Any]) -> dict[str, int]:
    """How many rows each question has, in one statement; each part is answered from the indexes that suit it."""
    parts = [
        rows.order_by().annotate(what=Value(name, output_field=CharField())).values_list("what").annotate(Count("pk"))
        for name, rows in questions.items()
    ]
    return {**dict.fromkeys(questions, 0), **dict(parts[0].union(*parts[1:], all=True))}


def remembered(question: object, count: Callable[[], T], *, size: Callable[[T], int], seconds: int) -> T:
    """What ``count`` says, or said at most so many seconds ago if more than 10,000 rows (``size``) were in it.

    ``question`` tells one count from another by its ``repr``; a count never is None.
    """
    key = "web.counts:" + hashlib.sha256(repr(question).encode()).hexdigest()
    found: T | None = cache.get(key)
    if found is None:
        found = count()
        if size(found) > COUNTED_EXACTLY:
            cache.set(key, found, seconds)
    return found
