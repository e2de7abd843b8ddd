"""What a worker takes from the queue. It may have been sent by another version of this program: see decision 0017."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, get_type_hints

import structlog
from celery.worker import consumer

from pki.names import printable

log = structlog.get_logger(__name__)


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's own puts message and traceback into the log for each task that it does not know, or dies of it."""

    def on_unknown_task(self, _body: object, message: Any, _error: Exception) -> None:
        """Left out: the row is found by the sweep of a worker that knows what to do with it."""
        self._leave_out(message, "queue.unknown_task", task=printable(str(message.headers.get("task"))))

    def on_unknown_message(self, _body: object, message: Any) -> None:
        """It asks for no task at all."""
        self._leave_out(message, "queue.unreadable_message")

    def on_invalid_task(self, _body: object, message: Any, _error: Exception) -> None:
        """It asks for one in a way that nobody does."""
        self._leave_out(message, "queue.unfitting_message", task=printable(str(message.headers.get("task"))))

    def on_decode_error(self, message: Any, _error: Exception) -> None:
        """What it asks for cannot be read."""
        self._leave_out(message, "queue.unreadable_message")

    def _leave_out(self, message: Any, event: str, **about: str) -> None:
        log.warning(event, **about)
        message.reject_log_error(logging.getLogger(__name__), self.connection_errors)


def misfit(run: Callable[..., Any], args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """Why this function cannot be called with these arguments of a message; "" if it can. No value is named."""
    try:
        given = signature(run).bind(*args, **kwargs).arguments
    except TypeError as error:
        return str(error)
    hints = get_type_hints(run)
    wrong = [name for name, value in given.items() if not isinstance(value, hints[name])]
    return f"wrong type: {', '.join(wrong)}" if wrong else ""
