"""The tables of the throw-away models, and the people who ask for their rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from tests.people import api
from tests.unit.web.things import Team, Thing, Work


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """They belong to no migration."""
    with django_db_blocker.unblock(), connection.schema_editor() as editor:  # type: ignore[attr-defined]
        for model in (Team, Thing):
            editor.create_model(model)
    yield
    with django_db_blocker.unblock(), connection.schema_editor() as editor:  # type: ignore[attr-defined]
        for model in (Thing, Team):
            editor.delete_model(model)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Nothing of the test before."""
    cache.clear()
    Work.done, Work.then = [], None


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", "alice@example.org", "x")


@pytest.fixture
def client_of_alice(alice: User) -> APIClient:
    return api(alice)
