"""Which certificate replaces which: after all of them are here."""

from __future__ import annotations

from collections.abc import Mapping

from certificates.models import Certificate
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk

ReplacesRow = Certificate.replaces.through


def new_pairs(replaces: Mapping[int, list[int]], desk: Desk) -> list[tuple[int, int]]:
    """Pairs of ours, the new one first, that are not noted here yet; ``replaces`` is theirs."""
    wanted = {
        (new, old)
        for theirs, many in replaces.items()
        if (new := desk.ours(rows.Certificate, theirs)) is not None
        for old in desk.all_ours(rows.Certificate, many)
        if old != new
    }
    known = ReplacesRow._default_manager.filter(from_certificate__in={new for new, _ in wanted})
    return sorted(wanted - set(known.values_list("from_certificate", "to_certificate")))


def replace(pairs: list[tuple[int, int]]) -> list[Certificate]:
    """In the caller's transaction; returns the new ones, of which something was changed.

    Who is told what is as Lemur had it: unlike in a replacement that happens today, nobody is silenced.
    """
    ReplacesRow._default_manager.bulk_create(
        [ReplacesRow(from_certificate_id=new, to_certificate_id=old) for new, old in pairs]
    )
    return list(Certificate.objects.without_texts().filter(pk__in={new for new, _ in pairs}).order_by("pk"))
