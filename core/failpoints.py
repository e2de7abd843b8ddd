"""Named places where a test can make us die, fail or wait: before and after every external call and commit.

Armed by the environment: ``FAILPOINTS="issue.before=exit,issue.after=sleep:5"``. Unarmed it costs one look-up.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Injected(RuntimeError):
    """The error that an armed failpoint raises."""


def failpoint(name: str) -> None:
    """Do what the environment asks of this place: ``exit`` (SIGKILL to ourselves), ``raise``, ``sleep:SECONDS``."""
    armed = os.environ.get("FAILPOINTS")
    if armed:
        _act(name, dict(pair.split("=", 1) for pair in armed.split(",")).get(name, ""))


@contextmanager
def around(call: str) -> Iterator[None]:
    """A call to something outside of us, with the failpoints ``<call>.before`` and ``<call>.after``.

    ``call`` is written out, and in no two places the same: tests find the failpoints by it.
    """
    failpoint(f"{call}.before")
    yield
    failpoint(f"{call}.after")


def _act(name: str, action: str) -> None:
    kind, _, argument = action.partition(":")
    if kind == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "raise":
        raise Injected(f"failpoint {name}")
    elif kind == "sleep":
        time.sleep(float(argument))
