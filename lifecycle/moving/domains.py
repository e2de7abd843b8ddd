"""Domains: one row for each name. Those that certificates hold would come with them; the sensitive ones matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from certificates.models import Domain
from certificates.models.domain import LONGEST
from certificates.service.domains import normal_domain
from core.audit import Event
from core.errors import Invalid
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk, Taken, keep_numbers


def domains(batch: Sequence[rows.Domain], desk: Desk) -> list[Taken]:
    """In the caller's transaction. Only what is sensitive is an event: the others say nothing by themselves.

    Names are written as rules compare them. Those that mean the same are one row, sensitive if one of them is.
    """
    named = list(_named(batch, desk))
    known = {row.name: row for row in Domain.objects.filter(name__in=[name for _, name, _ in named])}
    new = {name: (theirs.id, Domain(name=name)) for theirs, name, _ in reversed(named) if name not in known}
    known |= {name: row for name, (_, row) in new.items()}
    taken = [_taken(theirs, known[name], notes) for theirs, name, notes in named]
    keep_numbers(list(new.values()))
    Domain.objects.bulk_create([row for _, row in new.values()])
    return taken


def _named(batch: Sequence[rows.Domain], desk: Desk) -> Iterator[tuple[rows.Domain, str, list[str]]]:
    """Those that can be kept, the name of each here, and what must be said about that."""
    for theirs in batch:
        try:
            name, notes = normal_domain(theirs.name), []
        except Invalid:
            name = theirs.name.strip().lower()
            notes = ["It is neither a DNS name nor an IP address; it came over all the same."]
        if not 1 <= len(name) <= LONGEST:
            desk.refuse(theirs, f"A name has between 1 and {LONGEST} characters.")
            continue
        if name != theirs.name:
            notes.append(f"It is called {name} here.")
        yield theirs, name, notes


def _taken(theirs: rows.Domain, row: Domain, notes: Sequence[str]) -> Taken:
    """A row that is not saved yet is new."""
    one = Taken(theirs, row)
    for note in notes:
        one.note(note)
    if theirs.sensitive and not row.sensitive:
        row.sensitive = True
        one.event, one.details = Event.DOMAIN_CREATED if row.pk is None else Event.DOMAIN_UPDATED, {"sensitive": True}
        if row.pk is not None:
            row.save(update_fields=["sensitive"])
    return one
