"""What was loaded, as far as measuring needs it; knows no Django, as measuring must not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """What somebody shows: to the API a token, to the pages the cookie of a session."""

    token: str
    session: str


@dataclass(frozen=True)
class World:
    """N certificates of so many services, two people, and an authority and an owner that both may use.

    The certificates' ids follow each other; service 17 is to be found as ``svc000017``.
    """

    rows: int
    first_id: int
    services: int
    authority: str
    owner: str
    administrator: Person
    member: Person
