"""Counting many rows takes long: a large count is remembered for a while, a small one is made again each time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

COUNTED_EXACTLY = 10_000

T = TypeVar("T")


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
