"""Domains: one row for each name. Those that certificates hold would come with them; the sensitive ones matter."""

from __future__ import annotations

from collections.abc import Sequence

from certificates.models import Domain
from certificates.models.domain import LONGEST
from core.audit import Event
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk, Taken, keep_numbers


def domains(batch: Sequence[rows.Domain], desk: Desk) -> list[Taken]:
    """In the caller's transaction. Only what is sensitive is an event: the others say nothing by themselves."""
    fitting = [theirs for theirs in batch if _fits(theirs, desk)]
    known = {row.name: row for row in Domain.objects.filter(name__in=[theirs.name for theirs in fitting])}
    new = [theirs for theirs in fitting if theirs.name not in known]
    made = {theirs.name: Domain(name=theirs.name, sensitive=theirs.sensitive) for theirs in new}
    keep_numbers([(theirs.id, made[theirs.name]) for theirs in new])
    Domain.objects.bulk_create(made.values())
    return [_new(one, made[one.name]) if one.name in made else _known(one, known[one.name]) for one in fitting]


def _fits(theirs: rows.Domain, desk: Desk) -> bool:
    if len(theirs.name) <= LONGEST:
        return True
    desk.refuse(theirs, f"A name has at most {LONGEST} characters.")
    return False


def _new(theirs: rows.Domain, row: Domain) -> Taken:
    if not theirs.sensitive:
        return Taken(theirs, row)
    return Taken(theirs, row, Event.DOMAIN_CREATED, {"sensitive": True})


def _known(theirs: rows.Domain, row: Domain) -> Taken:
    if not theirs.sensitive or row.sensitive:
        return Taken(theirs, row)
    row.sensitive = True
    row.save(update_fields=["sensitive"])
    return Taken(theirs, row, Event.DOMAIN_UPDATED, {"sensitive": True})
