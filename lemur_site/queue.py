"""Where nudges wait: a queue for each app, and a transport that keeps messages in a folder."""

from __future__ import annotations

import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import structlog
from kombu.entity import Queue
from kombu.transport import filesystem
from kombu.utils.json import dumps

UNFINISHED = ".unfinished"
QUEUES: Final = ("authorities", "certificates", "lifecycle", "notifications", "stores")

log = structlog.get_logger(__name__)


def queues() -> list[Queue]:
    """All of them: what a worker serves that is not told which."""
    return [Queue(name, routing_key=name) for name in QUEUES]  # type: ignore[no-untyped-call]


def route(name: str, *_args: Any, **_options: Any) -> dict[str, str] | None:
    """A task waits in the queue of its app: with a worker of its own, no other kind of work is in its way."""
    app = name.partition(".")[0]
    return {"queue": app} if app in QUEUES else None


class Channel(filesystem.Channel):
    """Kombu's own writes into the file that readers look for: one that is quick finds it empty, and its worker dies.

    So it does of a file that is none of ours, or that a power failure has left empty; here that is left out.
    """

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as in kombu
        message = Path(self.data_folder_out, f"{monotonic_ns() // 1_000_000:015}_{uuid.uuid4()}.{queue}.msg")
        unfinished = message.with_name(message.name + UNFINISHED)
        unfinished.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        unfinished.replace(message)

    def _get(self, queue: str) -> Any:  # type: ignore[override]  # as in kombu
        """The next message; kombu has taken the file away by the time it reads what is in it."""
        while True:
            try:
                found = super()._get(queue)  # type: ignore[no-untyped-call]
            except (ValueError, TypeError, RecursionError):  # no JSON, or nothing that kombu writes
                found = None
            if _is_message(found):
                return found
            log.warning("queue.unreadable_message", queue=queue)


def _is_message(found: object) -> bool:
    """Has it what kombu reads without asking whether it is there?"""
    properties = found.get("properties") if isinstance(found, dict) else None
    return isinstance(properties, dict) and {"delivery_info", "delivery_tag"} <= properties.keys()


class Transport(filesystem.Transport):
    """The same with that channel."""

    Channel = Channel
