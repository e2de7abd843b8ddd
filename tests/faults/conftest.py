"""The worker process is started once; each test gets an installation of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.case import Case, Worker


@pytest.fixture(scope="session")
def worker(django_db_setup: None) -> Iterator[Worker]:
    """After pytest-django, so that these tests count among those that use a database."""
    made = Worker()
    yield made
    made.close()


@pytest.fixture
def case(worker: Worker) -> Iterator[Case]:
    one = Case(worker)
    yield one
    one.close()
