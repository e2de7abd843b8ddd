"""The pages that ``bin/bench --pages`` asks for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import repeat

from tests.bench.world import World


def everybodys(world: World) -> dict[str, Iterator[str]]:
    """Addresses without end by page: of those that everybody opens, and so show each what is theirs."""
    chance, last = random.Random(5), max(1, world.rows // 50)  # noqa: S311  believable, not secret
    there = "/certificates/"

    def service() -> str:
        return f"svc{chance.randrange(world.services):06}"

    return {
        "overview": repeat("/"),
        "shares": repeat("/overview/shares"),
        "certificates": repeat(there),
        "by end": repeat(f"{there}?ordering=not_after"),
        "deep": iter(lambda: f"{there}?show_expired=1&page={chance.randint(last // 2, last)}", ""),
        "found": iter(lambda: f"{there}?q={service()}", ""),
        "found many": iter(lambda: f"{there}?q=team{chance.randrange(100):03}", ""),
        "as one types": iter(lambda: f"{there}find?q={service()}", ""),
        "certificate": iter(lambda: f"{there}{world.first_id + chance.randrange(world.rows)}", ""),
        "order": repeat(f"{there}new"),
        **{
            name: repeat(f"/{name}/")
            for name in ("authorities", "domains", "endpoints", "jobs", "alarms", "notifications")
        },
    }


ADMINISTRATORS: Mapping[str, Iterator[str]] = {
    "audit": repeat("/audit/"),
    "people": repeat("/people/"),
    "roles": repeat("/roles/"),
    "admin site": repeat("/admin/certificates/certificate/"),
    "admin site, found": repeat("/admin/certificates/certificate/?q=svc000017"),
}
"""The same, of those that only they may open."""
