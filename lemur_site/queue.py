"""Kombu's transport that keeps messages in a folder, so that a reader never meets half a message."""

from __future__ import annotations

import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps

UNFINISHED = ".unfinished"


class Channel(filesystem.Channel):
    """Kombu's own writes into the file that readers look for: one that is quick finds it empty, and its worker dies."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as in kombu
        message = Path(self.data_folder_out, f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg")
        unfinished = message.with_name(message.name + UNFINISHED)
        unfinished.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        unfinished.replace(message)


class Transport(filesystem.Transport):
    """The same with that channel."""

    Channel = Channel
