"""One at a time prepares a database: two that migrate it at once would each make tables that the other one makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from django.db import DatabaseError, connections

LOCK: Final = 5_142_857_201
"""Any number, the same in every version."""

log = structlog.get_logger(__name__)


@contextmanager
def alone(alias: str = "default") -> Iterator[None]:
    """On PostgreSQL, whoever comes second waits; who dies lets go. May be nested.

    SQLite is of one machine, whose state directory one `manage.py up` alone can claim.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            log.warning("database.prepared_elsewhere", waiting=True)
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # a connection that was lost has let go
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
