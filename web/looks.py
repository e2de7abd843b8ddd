"""One page of rows whose texts were searched: its keys, and how many rows match, from one look at the texts.

Texts are searched row by row, so that to look for the page and then to count takes twice as long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Window

MOST_COUNTED = 1_000
"""Of what a search on a page found: to count more takes longer than to show a page, and nobody turns so many."""


class Look(NamedTuple):
    """``found`` is how many rows match, or, if ``more``, as many of them as are counted."""

    keys: list[Any]
    found: int
    more: bool = False


def look_at_all(rows: QuerySet[Any], page: slice) -> Look | None:
    """None if there is nothing on the page."""
    found = list(rows.annotate(found=Window(Count("*"))).values_list("pk", "found")[page])
    return Look([pk for pk, _ in found], found[0][1]) if found else None


def look_at_some(rows: QuerySet[Any], page: slice) -> Look | None:
    """The same, but beyond ``MOST_COUNTED`` rows it is only known that there are more.

    A page of that many is soon found without looking at all of them: one row in so few matches.
    """
    if page.start <= MOST_COUNTED:
        some = rows.model._base_manager.filter(pk__in=rows.order_by().values("pk")[: MOST_COUNTED + 1])
        look = look_at_all(some.order_by(*rows.query.order_by), page)
        if look is None or look.found <= MOST_COUNTED:
            return look
    keys = list(rows.values_list("pk", flat=True)[page])
    return Look(keys, MOST_COUNTED, more=True) if keys else None
