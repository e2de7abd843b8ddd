"""A TLS server that shows certificates and says nothing."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.pki_material import Pair
from tests.servers.accepting import accepting


def _context(*pairs: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for pair in pairs:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(pair.key_pem + pair.pem)
            file.flush()
            context.load_cert_chain(file.name)
    return context


@contextmanager
def tls_server(
    *pairs: Pair, by_name: Mapping[str, Pair] | None = None, at: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """On a free port of 127.0.0.1, or elsewhere; of several pairs the client chooses by its ciphers, `by_name` by the server's name."""
    context, named = _context(*pairs), {name: _context(pair) for name, pair in (by_name or {}).items()}

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = named.get(name or "", context)

    def answer(plain: socket.socket, _: Any) -> None:
        with context.wrap_socket(plain, server_side=True) as made:
            made.recv(1)

    context.sni_callback = choose
    with accepting(answer, at=at) as port:
        yield port
