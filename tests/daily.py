"""What `bin/test` leaves to `bin/test --all`: tests with the marker `thorough`, and what lies between samples of long rows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

DAILY = os.environ.get("TEST_DAILY") == "1"

T = TypeVar("T")


def samples(rows: Iterable[T], *, every: int) -> list[T]:
    """All of them, or in the daily run the first of each so many."""
    return list(rows)[:: every if DAILY else 1]
