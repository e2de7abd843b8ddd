"""What became of everything: for a person to read, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from lifecycle.models import Moved
from lifecycle.moving.desk import Refused, Weight
from lifecycle.moving.rows import KINDS

LEFT_BEHIND = {
    "pending_certs": "Orders that a CA had not answered: let Lemur finish them, or order again.",
    "endpoints": "Endpoints: a source finds them again once it works here.",
    "api_keys": "API keys: their tokens are signed by Lemur; make new ones.",
    "logs": "Lemur's log: keep its database for as long as you need it.",
}


@dataclass
class Count:
    """How many of one kind: in Lemur, taken over by this run, and by those before."""

    there: int = 0
    taken: int = 0
    before: int = 0


@dataclass
class Report:
    """``dry``: nothing was kept. ``keys``: how many a second run could open that the first could not."""

    origin: str
    dry: bool = False
    counts: dict[str, Count] = field(default_factory=lambda: {row.kind: Count() for row in KINDS})
    keys: int = 0
    replacements: int = 0
    refused: list[Refused] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)
    noted: list[dict[str, Any]] = field(default_factory=list)
    renumbered: list[dict[str, Any]] = field(default_factory=list)
    left_behind: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Did everything come over, with all its parts?"""
        return not self.refused and not self.lost

    def read(self) -> None:
        """What the database knows of it: of this run and of those before."""
        lists = {Weight.LOST: self.lost, Weight.NOTED: self.noted}
        for moved in Moved.objects.filter(origin=self.origin).order_by("kind", "theirs").iterator(chunk_size=2_000):
            about = {"kind": moved.kind, "id": moved.theirs, "title": moved.title}
            for weight, sentence in moved.notes:
                lists[Weight(weight)].append({**about, "what": sentence})
            if moved.ours != moved.theirs:
                self.renumbered.append({**about, "here": moved.ours})

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "complete": self.complete}

    def as_text(self) -> str:
        """All of it, for a terminal."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'':18}{'in Lemur':>10}{'taken now':>11}{'before':>9}{'refused':>9}"
        for kind, count in self.counts.items():
            refused = sum(one.kind == kind for one in self.refused)
            yield f"{kind:18}{count.there:>10}{count.taken:>11}{count.before:>9}{refused:>9}"
        yield f"{'replacement':18}{'':>10}{self.replacements:>11}"
        if self.keys:
            yield f"{self.keys} private keys came over that had stayed behind before."
        yield from _section("Did not come over", [_line(asdict(one), one.reason) for one in self.refused])
        yield from _section("Came over without a part", [_line(one, one["what"]) for one in self.lost])
        yield from _section("Is different here", [_line(one, one["what"]) for one in self.noted])
        renumbered = [_line(one, f"has the number {one['here']} here.") for one in self.renumbered]
        yield from _section("Has another number", renumbered)
        left = [f"{count}: {LEFT_BEHIND[table]}" for table, count in self.left_behind.items() if count]
        yield from _section("Was left behind", left)
        if self.dry:
            yield "\nThis was a dry run: nothing was kept."


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"\n{title} ({len(lines)}):"
        yield from (f"  {line}" for line in lines)


def _line(about: dict[str, Any], what: str) -> str:
    return f"{about['kind']} {about['id']} {about['title']}: {what}"
