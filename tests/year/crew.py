"""The workers of the simulated installation: processes that carry out what sweeps find, at the time that it is there."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.db import connections

from accounts.service import system_user
from certificates.service.deploying import deploy
from certificates.service.issuance import fulfil
from core.audit import acting_as
from lifecycle.rotation import reissue
from notifications.service import tell
from tests import nudges
from tests.year.ordering import order
from tests.year.plugins import Seen, world


class Job(NamedTuple):
    """A task by its name, or a deed of the simulation; carried out as if it was ``now``."""

    name: str
    args: tuple[Any, ...]
    now: datetime


DEEDS: dict[str, Callable[..., object]] = {
    "lifecycle.reissue": reissue,
    "certificates.fulfil": fulfil,
    "certificates.deploy": deploy,
    "notifications.tell": tell,
    "order": order,
}


class Crew:
    """So many processes; none, and this one does it all. They must be made before it uses the database."""

    def __init__(self, workers: int) -> None:
        self._pool = None
        if workers:
            connections.close_all()
            # What this process does when it is told to end is not theirs to do.
            told = (signal.SIGTERM, signal.SIG_DFL)
            self._pool = multiprocessing.get_context("fork").Pool(workers, signal.signal, told)
        self._workers = workers

    def do(self, jobs: Iterable[Job]) -> list[Seen]:
        """All of them, in any order; what the outside world has seen meanwhile."""
        given = list(jobs)
        if self._pool is None:
            return list(chain.from_iterable(map(carry_out, given)))
        size = max(1, min(50, len(given) // (self._workers * 4)))
        return list(chain.from_iterable(self._pool.imap_unordered(carry_out, given, size)))

    def end(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()


def carry_out(job: Job) -> list[Seen]:
    """It, and whatever it has nudged workers to do."""
    nudges.sent.clear()
    with acting_as(kind="task", user=system_user()), world.at(job.now):
        DEEDS[job.name](*job.args, now=job.now)
        for name, args in waiting():
            DEEDS[name](*args, now=job.now)
    return world.taken()


def waiting() -> Iterable[tuple[str, tuple[Any, ...]]]:
    """The nudges, also those that come meanwhile."""
    while nudges.sent:
        yield nudges.sent.pop(0)
