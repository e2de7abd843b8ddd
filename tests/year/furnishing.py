"""The simulated installation: one authority, some teams and targets, and certificates that renew themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from accounts.service import system_user
from stores import service as stores
from stores.models import Destination
from tests.factories import an_authority
from tests.year.crew import Crew, Job
from tests.year.ordering import LIFE, host
from tests.year.plugins import Seen
from tests.year.weather import Outages, outages

RENEWED_AFTER = LIFE * 2 / 3
CA_DOWN, TARGETS_DOWN = 0.2, 0.05
LONGEST_OUTAGE = timedelta(hours=72)
MOST_TARGETS, PER_TARGET = 100, 20
SECURITY = "security@example.org"
# The first certificates are older than the simulation, and younger than their authority.
AHEAD = timedelta(days=40)


class Weather(NamedTuple):
    """Targets by their paths."""

    ca: Outages
    targets: Mapping[str, Outages]


@dataclass(frozen=True)
class Plan:
    """What is simulated; the same seed makes the same outages and the same certificates."""

    certificates: int
    days: int
    seed: int
    start: datetime
    step: timedelta
    folder: Path

    @cached_property
    def weather(self) -> Weather:
        """When the CA is down, and when each target is."""
        chance = random.Random(self.seed)  # noqa: S311  a year can be tried again
        number = max(1, min(MOST_TARGETS, self.certificates // PER_TARGET))
        paths = [str(self.folder / f"target{one:03}") for one in range(number)]
        ca = outages(chance, self.start, self.end, share=CA_DOWN, one_of=LONGEST_OUTAGE)
        return Weather(ca, {path: outages(chance, self.start, self.end, share=TARGETS_DOWN) for path in paths})

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.days)

    def moments(self) -> Iterator[datetime]:
        """At which the sweeps run."""
        now = self.start
        while now < self.end:
            yield now
            now += self.step


def furnish(plan: Plan, crew: Crew) -> list[Seen]:
    """Everything in place: certificates whose moments of renewal are spread evenly, each at its target."""
    system, chance = system_user(), random.Random(plan.seed)  # noqa: S311
    authority = an_authority(system, name="Year")
    places = []
    for path in plan.weather.targets:
        Path(path).mkdir()
        label = Path(path).name
        options = {"path": path}
        made = stores.create(Destination, label=label, plugin="directory-destination", options=options, by=system)
        places.append(made.pk)
    jobs = [
        Job("order", (host(number), authority.pk, places[number % len(places)]), at)
        for number in range(plan.certificates)
        for at in [plan.start - RENEWED_AFTER * chance.random()]
    ]
    return crew.do(jobs)
