"""What must come to an end: a moment where the code is right, hours or for ever where it is not."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENOUGH_SECONDS = 30.0


@contextmanager
def ends() -> Iterator[None]:
    """Fail after thirty seconds, also where what runs within swallows that; so a slow machine decides no test."""
    late = AssertionError(f"no end after {ENOUGH_SECONDS:.0f} seconds")
    rung = False

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal rung
        rung = True
        raise late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, ENOUGH_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rung:
        raise late
