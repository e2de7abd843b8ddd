"""What was found: for people a table beside the calibration, for programs one JSON object on the last line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tests.bench.calibration import Calibration
from tests.bench.measure import Times
from tests.bench.selecting import Selecting

if TYPE_CHECKING:  # it knows Django, as measuring must not
    from tests.bench.sweeping import Cost
    from tests.bench.working import Rate

READS = ("list", "list_deep", "search", "search_wide", "detail", "stats", "overview")
ISSUES = ("p256_c1", "p256_c4", "rsa2048_c1", "rsa2048_c4")


@dataclass(frozen=True)
class Issuing:
    """How fast certificates came; processor time of web server and database, and statements, for each of them.

    Statements are counted by PostgreSQL, and None on SQLite.
    """

    per_s: float
    times: Times
    cpu_ms: float
    sql: int | None


@dataclass(frozen=True)
class Reading:
    """How fast one kind of request was answered, and how many statements one took."""

    times: Times
    sql: int | None


@dataclass
class Results:
    """Everything that was measured; what was not is missing, and null in JSON."""

    rows: int
    calibration: Calibration
    issue: dict[str, Issuing] = field(default_factory=dict)
    read: dict[str, Reading] = field(default_factory=dict)
    read_user: dict[str, Reading] = field(default_factory=dict)
    pages: dict[str, Reading] = field(default_factory=dict)
    pages_user: dict[str, Reading] = field(default_factory=dict)
    rss_mb: float = 0.0
    selects: dict[str, Selecting] = field(default_factory=dict)
    sweeps: Mapping[str, Mapping[str, Cost]] = field(default_factory=dict)
    revocation: Rate | None = None
    rotation: Rate | None = None

    def table(self) -> str:
        """For reading; the last column of each line holds it against the calibration."""
        parts = [
            *self._calibrated(),
            *self._issued(),
            *self._answered(),
            f"\nweb server: {self.rss_mb} MB",
            *self._swept(),
        ]
        return "\n".join(parts)

    def line(self) -> str:
        """The JSON object."""
        return json.dumps(
            {
                "rows": self.rows,
                "calibration": asdict(self.calibration),
                "issue": {name: _issuing(self.issue.get(name)) for name in ISSUES},
                "read": {name: _reading(self.read.get(name)) for name in READS},
                "read_user": {name: _reading(self.read_user.get(name)) for name in READS},
                "pages": {name: _reading(found) for name, found in self.pages.items()} or None,
                "pages_user": {name: _reading(found) for name, found in self.pages_user.items()} or None,
                "rss_mb": self.rss_mb,
                "sweeps": self._sweeps() if self.sweeps else None,
                "revocation": asdict(self.revocation) if self.revocation else None,
                "rotation": asdict(self.rotation) if self.rotation else None,
            }
        )

    def _calibrated(self) -> Iterator[str]:
        able = self.calibration
        yield f"{self.rows:,} certificates; this machine can do, on one of its {able.cores} cores:"
        yield f"  {able.p256_cert_per_s:10,.1f}/s  P-256 key with a certificate by an RSA-2048 issuer"
        yield f"  {able.rsa2048_keygen_per_s:10,.1f}/s  RSA-2048 key (on all at once {able.rsa2048_keygen_all_per_s:,.1f}/s)"
        yield f"  {able.select1_per_s:10,.1f}/s  SELECT 1"
        yield f"  {able.python_text_per_s:10,.1f}/s  text of 1,000 rows by Python alone"

    def _issued(self) -> Iterator[str]:
        if not self.issue:
            return
        yield "\nissued            per s   p50 ms   p95 ms   CPU ms  statements  of what the machine can do"
        for name, found in self.issue.items():
            times = found.times
            yield (
                f"  {name:12} {found.per_s:9.1f}{times.p50_ms:9.1f}{times.p95_ms:9.1f}{found.cpu_ms:9.1f}"
                f"{_counted(found.sql)}  {self._share(name, found.per_s)}"
            )

    def _share(self, name: str, per_s: float) -> str:
        able = self.calibration
        if name.startswith("p256"):
            return f"{per_s / able.p256_cert_per_s:.4f} of raw certificates"
        together = per_s / able.rsa2048_keygen_all_per_s
        return f"{per_s / (able.rsa2048_keygen_per_s * able.cores):.3f} of keys on so many cores, {together:.3f} on all at once"

    def _answered(self) -> Iterator[str]:
        for title, reads, mine in (("read", self.read, self.read_user), ("page", self.pages, self.pages_user)):
            if reads:
                yield f"\n{title:33}p50 ms   p95 ms  statements  SELECT 1s  texts in p50  beside administrator"
                yield from self._read(reads, mine)

    def _read(self, reads: Mapping[str, Reading], reads_user: Mapping[str, Reading]) -> Iterator[str]:
        for name, found in reads.items():
            yield f"  {name:17} {'administrator':15}{self._times(found)}"
            if mine := reads_user.get(name):
                ratio = mine.times.p50_ms / found.times.p50_ms
                yield f"  {name:17} {'50 roles':15}{self._times(mine)}{ratio:22.2f}"

    def _sweeps(self) -> dict[str, object]:
        selects = {f"{name}_select": asdict(found) for name, found in self.selects.items()}
        costs = {name: {how: asdict(cost) for how, cost in both.items()} for name, both in self.sweeps.items()}
        return {**selects, **costs}

    def _swept(self) -> Iterator[str]:
        if self.revocation is None or self.rotation is None:
            return
        yield "\nselected                 s    CPU s     MB  statements   found"
        for name, one in self.selects.items():
            yield f"  what to {name:10} {one.s:7.2f}{one.cpu_s:9.2f}{one.rss_mb:7.0f}{one.sql:12}{one.found:8}"
        yield "\nwith 4 workers      per s   CPU ms"
        for name, rate in (("revocation", self.revocation), ("rotation", self.rotation)):
            yield f"  {name:12}{rate.per_s:11.1f}{rate.cpu_ms:9.1f}"
        yield "\nswept, with nothing due            ms   CPU ms  statements    with so many due     ms   CPU ms  statements"
        for name, both in self.sweeps.items():
            yield f"  {name:30}{self._cost(both['idle'])}{both['busy'].due:20}{self._cost(both['busy'])}"

    @staticmethod
    def _cost(found: Cost) -> str:
        return f"{found.ms:7.0f}{found.cpu_ms:9.0f}{found.sql:12}"

    def _times(self, found: Reading) -> str:
        selects, texts = (
            found.times.p50_ms / 1000 * rate
            for rate in (self.calibration.select1_per_s, self.calibration.python_text_per_s)
        )
        return f"{found.times.p50_ms:9.1f}{found.times.p95_ms:9.1f}{_counted(found.sql)}{selects:11.0f}{texts:14.2f}"


def _counted(statements: int | None) -> str:
    return f"{'' if statements is None else statements:>12}"


def _issuing(found: Issuing | None) -> dict[str, float] | None:
    return None if found is None else {"per_s": found.per_s, **asdict(found.times)}


def _reading(found: Reading | None) -> dict[str, float | None] | None:
    return None if found is None else {**asdict(found.times), "sql": found.sql}
