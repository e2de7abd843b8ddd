"""Authorities as a tree, in the order in which a page writes it: roots, and under each what it signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from authorities.models import Authority


@dataclass
class Branch:
    """One authority, with what is said of its revocations and how that looks.

    ``opens``: the next one is under it. ``closes``: so many lists end after it.
    """

    authority: Authority
    told: str
    tone: str
    opens: bool
    closes: int = 0

    @property
    def ends(self) -> range:
        """As templates count."""
        return range(self.closes)

    @property
    def notable(self) -> bool:
        """Is its state not the usual one?"""
        return not self.authority.active or self.authority.phase != "valid"


def branches(rows: Iterable[Authority], now: datetime) -> list[Branch]:
    """All of them, each followed by what is under it; one whose parent is not among them stands with the roots.

    The rows are those of :func:`authorities.publishing.with_ends`. Not recursive: there may be any number of levels.
    """
    all_of_them = list(rows)
    known = {row.pk for row in all_of_them}
    under: dict[Any, list[Authority]] = {}
    for row in all_of_them:
        under.setdefault(row.parent_id if row.parent_id in known else None, []).append(row)
    found: list[Branch] = []
    levels = [list(reversed(under.get(None, [])))]
    while levels:
        if not levels[-1]:
            levels.pop()
            if levels:
                found[-1].closes += 1
            continue
        row = levels[-1].pop()
        below = under.get(row.pk, [])
        found.append(Branch(row, *told(row, now), opens=bool(below)))
        if below:
            levels.append(list(reversed(below)))
    return found


def told(row: Authority, now: datetime) -> tuple[str, str]:
    """Whether those who check its certificates learn of revocations: in words, and their tone; "" once it is over."""
    if row.private_key is None:
        return _("CA elsewhere"), ""
    if row.phase != "valid":
        return "", ""
    ends: dict[str, datetime | None] = {"CRL": row.crl_until, "OCSP": row.ocsp_until}  # type: ignore[attr-defined]
    late = [name for name, end in ends.items() if end is not None and end <= now]
    missing = [name for name, end in ends.items() if end is None]
    if late:
        return _("%(what)s overdue") % {"what": _(" and ").join(late)}, "tone-bad"
    if missing:
        return _("No %(what)s") % {"what": _(" and ").join(missing)}, "tone-calm"
    return _("CRL and OCSP current"), ""
