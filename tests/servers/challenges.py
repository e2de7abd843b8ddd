"""A web server that answers http-01 challenges from a dictionary, for plugins that are tried without the product."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLACE = "/.well-known/acme-challenge/"


@dataclass
class Board:
    """A `plugins.values.AnswersOverHttp`; ``asked`` are the tokens that somebody has asked for."""

    port: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, token: str, text: str) -> None:
        self.texts[token] = text

    def withdraw(self, token: str) -> None:
        self.texts.pop(token, None)


@contextmanager
def challenge_server() -> Iterator[Board]:
    board = Board()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.path.removeprefix(PLACE)
            board.asked.append(token)
            text = board.texts.get(token)
            self.send_response(404 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        board.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield board
        finally:
            server.shutdown()
