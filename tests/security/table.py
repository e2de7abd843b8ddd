"""Reads docs/reference/permissions.md: each row of a table there is a request, each cell what one person gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "reference" / "permissions.md"


@dataclass(frozen=True)
class Row:
    """One request, with what it bears on, and what each person is answered."""

    method: str
    address: str
    bearing: tuple[tuple[str, str], ...]
    cells: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        bearing = ", ".join(f"{name}: {value}" for name, value in self.bearing)
        return f"{self.method} {self.address}" + (f" with {bearing}" if bearing else "")


def rows(document: Path = DOCUMENT) -> list[Row]:
    """Every row of every table that begins with the columns "Request" and "With"."""
    return [_row(head[2:], cells) for head, cells in _lines(document, "Request")]


def shown(document: Path = DOCUMENT) -> list[tuple[str, dict[str, str]]]:
    """The table of what lists show: address, and for each person "none", "own" or "all"."""
    found = _lines(document, "List")
    return [(cells[0].strip("`"), dict(zip(head[1:], cells[1:], strict=True))) for head, cells in found]


def _lines(document: Path, first: str) -> Iterator[tuple[list[str], list[str]]]:
    """Head and cells of each line of the tables whose first column has this name."""
    head: list[str] = []
    for line in document.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif head[0] == first and not set(cells[0]) <= set("-:"):
            yield head, cells


def _row(people: list[str], cells: list[str]) -> Row:
    request = re.fullmatch(r"`([A-Z]+) (/\S*)`", cells[0])
    assert request, f"Not a request: {cells[0]!r}"
    assert len(cells) == len(people) + 2, f"{cells[0]}: {len(people)} people, {len(cells) - 2} cells"
    bearing = tuple(
        (name.strip(), value.strip()) for name, _, value in (part.partition(":") for part in _parts(cells[1]))
    )
    return Row(request[1], request[2], bearing, tuple(zip(people, cells[2:], strict=True)))


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


def shape(address: str) -> str:
    """An address without its names: ours, ``/certificates/{own}``, and Django's, ``/certificates/<int:pk>``, alike."""
    address = address.replace("^", "").replace("$", "")
    return re.sub(r"<[^>]*>|\{[^}]*\}", "{}", re.sub(r"\(\?P<\w+>[^)]*\)", "{}", address))
