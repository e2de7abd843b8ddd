"""A real HTTP server on a free port of 127.0.0.1 that keeps what is posted to it, and answers as a test asks it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Post:
    """A request as it arrived; names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """After so many ``seconds``. Without a status the connection is cut instead."""

    status: int | None = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0


@dataclass
class PostServer:
    """``judge`` decides what to answer; what is answered with 200 was ``received``, everything was ``asked``."""

    judge: Callable[[Post], Answer]
    port: int = 0
    asked: list[Post] = field(default_factory=list)
    received: list[Post] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, post: Post) -> Answer:
        self.asked.append(post)
        answer = self.judge(post)
        if answer.status == 200:
            self.received.append(post)
        return answer


@contextmanager
def post_server(judge: Callable[[Post], Answer]) -> Iterator[PostServer]:
    """A running one."""
    server = PostServer(judge)
    over = threading.Event()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server, over))
    listener.daemon_threads = True
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown()
        listener.server_close()
        thread.join(timeout=5)


def _handler(server: PostServer, over: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = server.take(Post(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            over.wait(answer.seconds)
            if answer.status is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Nobody reads it."""

    return Handler
