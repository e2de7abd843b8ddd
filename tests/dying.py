"""Directories of certificates in which something fails: at the first thing that is done, at the second, and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from plugins import Temporary

CHANGES = {"make", "open_up", "write", "link", "rename", "remove", "remove_directory"}


class Failing:
    """A place that does so many things and no more."""

    def __init__(self, place: Any, steps: int) -> None:
        self.place, self.left = place, steps

    def __getattr__(self, name: str) -> Any:
        if name in CHANGES:
            self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")
        return getattr(self.place, name)


def dying(opened: Callable[[], AbstractContextManager[Any]], attempt: Callable[[Any], Any]) -> Iterator[int]:
    """Each attempt gets one step further than the one before it, and dies; nothing is yielded once one is done."""
    for steps in range(200):
        with opened() as place:
            try:
                attempt(Failing(place, steps))
            except Temporary as error:
                assert "No space left on device" in str(error)
            else:
                return
        yield steps
    pytest.fail("it is never done")
