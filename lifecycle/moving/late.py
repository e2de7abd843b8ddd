"""Keys that an earlier run could not open, because it was not given the encryption key that this one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from authorities.models import ISSUER_PLUGIN, Authority
from certificates.models import Certificate
from core.models import StoredKey
from lifecycle.models import Moved
from lifecycle.moving import rows
from lifecycle.moving.authorities import KEY_IS_MISSING, refuse_to_issue
from lifecycle.moving.desk import Desk, Taken
from lifecycle.moving.ledger import enter
from lifecycle.moving.reading import KEY_STAYED, open_key


@dataclass
class Late:
    """A certificate that came over without its key, and the key, not saved yet."""

    moved: Moved
    row: Certificate
    stored: StoredKey


def without_key(origin: str) -> dict[int, Moved]:
    """What came over without its key, by its id there."""
    here = Moved.objects.filter(origin=origin, kind=rows.Certificate.kind).exclude(notes=[])
    return {one.theirs: one for one in here if any(note.startswith(KEY_STAYED) for _, note in one.notes)}


def prepare_late(batch: Iterable[rows.Certificate], moved: Mapping[int, Moved], desk: Desk) -> list[Late]:
    """Those of them that open now."""
    here = Certificate.objects.in_bulk([moved[theirs.id].ours for theirs in batch])
    found = []
    for theirs in batch:
        row = here.get(moved[theirs.id].ours)
        if row is not None and row.private_key is None:
            stored = open_key(theirs, row, desk, Taken(theirs, row))
            if stored is not None:
                found.append(Late(moved[theirs.id], row, stored))
    return found


def bring(batch: Sequence[Late], active: Mapping[int, bool], revoked_at: Mapping[int, datetime], desk: Desk) -> None:
    """In the caller's transaction. An authority can issue from now on, and gets its ledger.

    ``active``: was the authority, by its id there; ``revoked_at`` by certificate of ours.
    """
    for one in batch:
        one.stored.save(force_insert=True)
        one.row.private_key = one.stored.uri
        one.row.save(update_fields=["private_key"])
        _strike(one.moved, KEY_STAYED)
        authority = one.row.root_authority
        if authority is not None and authority.plugin == ISSUER_PLUGIN:
            _open_authority(authority, one, active, revoked_at, desk)


def _open_authority(
    authority: Authority, one: Late, active: Mapping[int, bool], revoked_at: Mapping[int, datetime], desk: Desk
) -> None:
    authority.private_key = one.stored.uri
    moved = Moved.objects.get(origin=desk.origin, kind=rows.Authority.kind, ours=authority.pk)
    problem = refuse_to_issue(authority, one.row)
    authority.active = not problem and active.get(moved.theirs, False)
    authority.save(update_fields=["private_key", "active"])
    _strike(moved, KEY_IS_MISSING)
    issued = Certificate.objects.filter(Q(authority=authority) | Q(root_authority__parent=authority))
    enter(list(issued.select_related("authority", "root_authority__parent")), revoked_at, now=desk.now)


def _strike(moved: Moved, beginning: str) -> None:
    moved.notes = [note for note in moved.notes if not note[1].startswith(beginning)]
    moved.save(update_fields=["notes"])
