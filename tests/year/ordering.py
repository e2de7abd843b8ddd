"""The certificates of the simulated installation: what is ordered, and whose it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.service import system_user
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate
from stores.models import Destination

LIFE = timedelta(days=47)
TEAMS = 10


def host(number: int) -> str:
    return f"host{number:05}.example.org"


def owner_of(name: str) -> str:
    """The team that has it."""
    return f"team{int(name[4:9]) % TEAMS}@example.org"


def order(name: str, authority: int, place: int, *, now: datetime) -> None:
    """One certificate, from now on."""
    made = service.create(
        by=system_user(),
        now=now,
        authority=Authority.objects.get(pk=authority),
        common_name=name,
        owner=owner_of(name),
        validity_start=now,
        validity_end=now + LIFE,
        rotation=True,
        destinations=[Destination.objects.get(pk=place)],
    )
    assert isinstance(made, Certificate)
