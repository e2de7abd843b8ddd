"""What must be true, worked out from what the outside world has seen: kept promises, and those that were broken.

A host is *late* once it serves a certificate of which half the time between its moment of renewal and its end is over:
by then an outage of three days, and whatever it put off, must have been made good.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from tests.year.plugins import Seen

OFTEN = 3
"""So many refusals in a row are a failure of which people must be told."""


@dataclass
class Truth:
    """Grows by what was seen; ``failures`` counts by kind of alarm and host how many of them must have been told."""

    now: datetime
    ends: dict[str, datetime] = field(default_factory=dict)
    renewals: int = 0
    issued: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    lags: list[timedelta] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    mails: Counter[tuple[str, str]] = field(default_factory=Counter)
    _moments: dict[str, datetime] = field(default_factory=dict)
    _in_a_row: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _watched: list[tuple[datetime, str, str]] = field(default_factory=list)

    def learn(self, seen: list[Seen], *, now: datetime) -> None:
        """What happened in this hour, then what is so at its end."""
        self.now = now
        for one in seen:
            self._of[one.what](self, one)
        self._look()

    def _issued(self, one: Seen) -> None:
        self.issued += 1
        self._in_a_row.pop(("renewal-failing", one.name), None)

    def _refused(self, one: Seen) -> None:
        self.refused[one.what] += 1
        kind = "renewal-failing" if one.what == "refused by the CA" else "delivery-stuck"
        self._in_a_row[kind, one.name] += 1
        if self._in_a_row[kind, one.name] == OFTEN:
            self.failures[kind, one.name] += 1

    def _held(self, one: Seen) -> None:
        assert one.not_before is not None
        assert one.not_after is not None
        if (due := self._moments.get(one.name)) is not None:
            self.renewals += 1
            self.lags.append(self.now - due)
        self._in_a_row.pop(("delivery-stuck", one.name), None)
        moment = one.not_after - (one.not_after - one.not_before) / 3
        self._moments[one.name], self.ends[one.name] = moment, one.not_after
        heappush(self._watched, (moment + (one.not_after - moment) / 2, "late", one.name))
        heappush(self._watched, (one.not_after, "expired", one.name))

    def _mailed(self, one: Seen) -> None:
        self.mails[one.name, one.whom] += 1

    _of = {
        "issued": _issued,
        "refused by the CA": _refused,
        "refused by the target": _refused,
        "held": _held,
        "mailed": _mailed,
    }

    def _look(self) -> None:
        """At what is held at the end of this hour: each has two moments at which it must be gone."""
        while self._watched and self._watched[0][0] <= self.now:
            at, what, host = heappop(self._watched)
            end = self.ends[host]
            limit = end if what == "expired" else self._moments[host] + (end - self._moments[host]) / 2
            if limit == at:
                getattr(self, what).add(f"{host} {end:%Y-%m-%d}")
