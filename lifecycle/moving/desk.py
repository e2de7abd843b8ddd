"""What the parts of a move share: who became who, under which number, and what must be said about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg2 import sql

from accounts.models import User
from core.audit import Event
from lifecycle.models import Moved
from lifecycle.moving.rows import Row
from lifecycle.moving.vault import Vault


class Weight(StrEnum):
    """``lost``: a part of it did not come over; ``noted``: it is complete, and something about it is different."""

    LOST = "lost"
    NOTED = "noted"


@dataclass
class Taken:
    """One thing of theirs, and our row that it became. ``event`` None: our row was there already."""

    theirs: Row
    row: Model
    event: Event | None = None
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def lost(self, sentence: str) -> None:
        """Say that a part of it did not come over."""
        self.notes.append((Weight.LOST, sentence))

    def note(self, sentence: str) -> None:
        """Say what is different."""
        self.notes.append((Weight.NOTED, sentence))


@dataclass(frozen=True)
class Refused:
    """One thing of theirs that did not come over, and why."""

    kind: str
    id: int
    title: str
    reason: str


class Desk:
    """One move: from ``origin``, by ``by``, with ``vault`` for what is encrypted."""

    def __init__(self, origin: str, *, by: User, vault: Vault, now: datetime) -> None:
        self.origin, self.by, self.vault, self.now = origin, by, vault, now
        self._refused: dict[tuple[str, int], Refused] = {}
        self._ours: dict[str, dict[int, int]] = {}
        for kind, theirs, ours in Moved.objects.filter(origin=origin).values_list("kind", "theirs", "ours"):
            self._ours.setdefault(kind, {})[theirs] = ours

    def has(self, row: type[Row], theirs: int) -> bool:
        """Did it come over already?"""
        return theirs in self._ours.get(row.kind, {})

    def ours(self, row: type[Row], theirs: int | None) -> int | None:
        """Our id of it; None if it is none, or did not come over."""
        return None if theirs is None else self._ours.get(row.kind, {}).get(theirs)

    def all_ours(self, row: type[Row], theirs: Iterable[int]) -> list[int]:
        """Our ids of those that came over."""
        return list(dict.fromkeys(found for one in theirs if (found := self.ours(row, one)) is not None))

    def refuse(self, theirs: Row, reason: str) -> None:
        """It does not come over; the first reason counts."""
        self._refused.setdefault((theirs.kind, theirs.id), Refused(theirs.kind, theirs.id, theirs.title, reason))

    @property
    def refused(self) -> list[Refused]:
        """What does not come over."""
        return list(self._refused.values())

    def remember(self, taken: Sequence[Taken]) -> list[Moved]:
        """The rows that say so, not saved; from now on they are known."""
        made = []
        for one in taken:
            kind, ours = one.theirs.kind, int(one.row.pk)
            self._ours.setdefault(kind, {})[one.theirs.id] = ours
            notes = [list(note) for note in one.notes]
            title = one.theirs.title[:255]
            made.append(Moved(origin=self.origin, kind=kind, theirs=one.theirs.id, ours=ours, title=title, notes=notes))
        return made


def keep_numbers(rows: Sequence[tuple[int, Model]]) -> None:
    """Give each new row the number that it had there, unless a row of ours has it: that one gets a new number."""
    if not rows:
        return
    model = type(rows[0][1])
    used = set(model._default_manager.filter(pk__in=[number for number, _ in rows]).values_list("pk", flat=True))
    for number, row in rows:
        row.pk = None if number in used else number


def reserve_numbers(model: type[Model], highest: int) -> None:
    """From now on the database numbers new rows of this table from above ``highest``."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _advance_sequence(cursor, table, highest)
            return
        cursor.execute("UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s", [highest, table])
        if not cursor.rowcount:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, highest])


def _advance_sequence(cursor: Any, table: str, highest: int) -> None:
    """Never back; PostgreSQL keeps this even if the transaction is taken back."""
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
    sequence = cursor.fetchone()[0]
    state = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(*sequence.split(".")))
    cursor.execute(state.as_string(cursor.connection))
    last, used = cursor.fetchone()
    if highest > last or (highest == last and not used):
        cursor.execute("SELECT setval(%s, %s)", [sequence, highest])
