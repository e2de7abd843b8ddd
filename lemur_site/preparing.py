"""One at a time prepares a database: two that migrate it at once would each make tables that the other one makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import structlog
from django.db import Error, connections

LOCK: Final = 5_142_857_201
"""Any number, the same in every version."""
PAUSE: Final = 0.5  # seconds

log = structlog.get_logger(__name__)


@contextmanager
def alone(alias: str = "default") -> Iterator[None]:
    """On PostgreSQL, whoever comes second waits, until it is told to end; who dies lets go. May be nested.

    SQLite is of one machine, whose state directory one `manage.py up` alone can claim.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    _take(connection)
    try:
        yield
    finally:
        with suppress(Error):  # a connection that was lost has let go
            if not _asked(connection, "pg_advisory_unlock"):
                log.error("database.lock_kept", reason="A pooler has it in another session; see decision 0017.")


def _take(connection: Any) -> None:
    """By asking again and again: a statement that waits in the server hears of no signal."""
    told = False
    while not _asked(connection, "pg_try_advisory_lock"):
        if not told:
            log.warning("database.prepared_elsewhere", waiting=True)
        told = True
        time.sleep(PAUSE)


def _asked(connection: Any, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
