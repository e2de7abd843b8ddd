"""The suite runs on the engine that was asked for: settings imported too early would silently mean SQLite."""

from __future__ import annotations

import os

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_the_one_asked_for() -> None:
    names = {"sqlite": "sqlite", "postgres": "postgresql"}
    assert connection.vendor == names[os.environ.get("TEST_ENGINE", "sqlite")]
