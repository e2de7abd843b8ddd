"""A server that takes a request and hangs up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.accepting import accepting


@contextmanager
def hanging_server() -> Iterator[str]:
    """Its address, on a free port of 127.0.0.1."""
    with accepting(lambda connection, _: connection.recv(65536)) as port:
        yield f"http://127.0.0.1:{port}"
