"""The people and objects that tests of bad input send their requests as and about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.security import world as people_and_objects
from tests.security.world import World


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once, in a transaction around those of the module's tests, with which it goes away."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield people_and_objects.build()
        transaction.set_rollback(True)
