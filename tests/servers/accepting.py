"""What small servers have in common: connection after connection is answered, one at a time, until nobody listens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Answer = Callable[[socket.socket, Any], object]
"""Of a connection, which is closed afterwards, and the address that it comes from."""


@contextmanager
def accepting(
    answer: Answer, *, at: tuple[str, int] = ("127.0.0.1", 0), suppressed: tuple[type[Exception], ...] = (OSError,)
) -> Iterator[int]:
    """The port where it listens. What an answer raises of ``suppressed`` is the client's affair."""
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    with socket.create_server(at, family=family) as listener:
        threading.Thread(target=_run, args=(listener, answer, suppressed), daemon=True).start()
        yield listener.getsockname()[1]


def _run(listener: socket.socket, answer: Answer, suppressed: tuple[type[Exception], ...]) -> None:
    while True:
        try:
            connection, caller = listener.accept()
        except OSError:
            return
        with connection, suppress(*suppressed):
            answer(connection, caller)
