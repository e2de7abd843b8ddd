"""Tell a worker, after commit, that a row is waiting. Only a nudge: the sweeps find whatever gets lost."""

from __future__ import annotations

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError

log = structlog.get_logger(__name__)


def enqueue(task: str, *ids: int) -> None:
    """Send the task by name once the present transaction is committed. A broker that is down is logged, not raised."""
    transaction.on_commit(lambda: _send(task, ids))


def _send(task: str, ids: tuple[int, ...]) -> None:
    try:
        current_app.send_task(task, args=ids)
    except (KombuError, OSError) as error:
        log.warning("broker.unreachable", task=task, ids=ids, error=str(error))
