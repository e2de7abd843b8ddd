"""Fixtures that most tests need: people, and authorities whose keys are made once per run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authorities.models import Authority
from tests import nudges as queue
from tests.factories import an_authority
from tests.people import People, make_people
from tests.prepared import prepared


@pytest.fixture
def people(db: None) -> People:
    """Alice, Bob, Charlie, Dora, Olga and Root."""
    return prepared("people", make_people)


@pytest.fixture
def root_ca(people: People) -> Authority:
    """A P-256 root that Alice's team may use."""
    return prepared("root", lambda: an_authority(people.root, name="Root", roles=[people.team]))


@pytest.fixture
def issuing_ca(people: People, root_ca: Authority) -> Authority:
    """An intermediate under it, for the same team."""
    return prepared("issuing", lambda: an_authority(people.root, name="Issuing", parent=root_ca, roles=[people.team]))


@pytest.fixture
def nudges() -> Iterator[list[tuple[str, tuple[int | str, ...]]]]:
    """What is handed to the queue: name and arguments of each task."""
    queue.sent.clear()
    yield queue.sent
    queue.sent.clear()
