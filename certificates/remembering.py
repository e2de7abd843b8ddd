"""A memory of one process with an end for each thing in it and a bound for all: the least recently used go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """``most`` bounds the sum of the sizes; without ``size`` each thing counts as one."""

    def __init__(self, most: int, *, size: Callable[[T], int] = lambda _: 1) -> None:
        self._most, self._size = most, size
        self._things: OrderedDict[str, tuple[T, datetime]] = OrderedDict()
        self._sum = 0
        self._lock = Lock()

    def get(self, key: str, now: datetime) -> T | None:
        """What was put there, until its end."""
        with self._lock:
            thing, until = self._things.get(key, (None, now))
            if until <= now:
                self._drop(key)
                return None
            self._things.move_to_end(key)
            return thing

    def put(self, key: str, thing: T, until: datetime) -> None:
        """In place of what was there."""
        with self._lock:
            self._drop(key)
            self._things[key] = (thing, until)
            self._sum += self._size(thing)
            while self._sum > self._most:
                self._drop(next(iter(self._things)))

    def clear(self) -> None:
        """Everything."""
        with self._lock:
            self._things.clear()
            self._sum = 0

    def _drop(self, key: str) -> None:
        if key in self._things:
            thing, _ = self._things.pop(key)
            self._sum -= self._size(thing)
