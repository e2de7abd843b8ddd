"""An ACME server that plays by its own rules: it checks no signature, and names whatever addresses a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.pki_material import as_pem, material
from tests.servers.accepting import accepting

TOKEN = "dG9rZW4tb2YtdGhlLWZhbHNlLWNhLWZvci1sZW11cg"
# Every address that an ACME server names; `renewalInfo` is RFC 9773's.
PLACES = (
    "newNonce", "newAccount", "newOrder", "revokeCert", "renewalInfo", "account", "order", "authorization",
    "challenge", "finalize", "certificate", "alternate",
)  # fmt: skip


@dataclass
class FalseAcme:
    """``addresses`` stand for its own; ``answers`` are, by place, status, headers and body instead of the usual."""

    port: int = 0
    addresses: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def directory(self) -> str:
        return f"http://127.0.0.1:{self.port}/directory"

    def options(self, **changes: object) -> dict[str, object]:
        return {"acme_url": self.directory, "certificate": material().root.pem, **changes}

    def at(self, place: str) -> str:
        return self.addresses.get(place, f"http://127.0.0.1:{self.port}/{place}")

    def reset(self) -> None:
        self.addresses.clear()
        self.answers.clear()
        self.asked.clear()

    def answer(self, place: str) -> tuple[int, dict[str, str], bytes]:
        if place in self.answers:
            status, headers, body = self.answers[place]
            return status, dict(headers), body
        headers, told = self._usual(place)
        return 200, headers, told if isinstance(told, bytes) else json.dumps(told).encode()

    def _usual(self, place: str) -> tuple[dict[str, str], Any]:
        """The order advances with what was asked for before."""
        chain = as_pem(material().leaf.certificate, *material().chain).encode()
        status = "valid" if "finalize" in self.asked else "ready" if "challenge" in self.asked else "pending"
        urls = {"finalize": self.at("finalize"), "certificate": self.at("certificate")}
        order = {"status": status, "identifiers": [], "authorizations": [self.at("authorization")], **urls}
        challenge = {"type": "http-01", "url": self.at("challenge"), "token": TOKEN, "status": "pending"}
        host = {"type": "dns", "value": "www.example.org"}
        known: dict[str, tuple[dict[str, str], Any]] = {
            "directory": ({}, {name: self.at(name) for name in PLACES[:5]}),
            "newAccount": ({"Location": self.at("account")}, {"status": "valid"}),
            **dict.fromkeys(("newOrder", "order", "finalize"), ({"Location": self.at("order")}, order)),
            "authorization": ({}, {"status": "pending", "identifier": host, "challenges": [challenge]}),
            "certificate": ({"Link": f'<{self.at("alternate")}>;rel="alternate"'}, chain),
            "alternate": ({}, chain),
        }
        return known.get(place, ({}, {}))


@contextmanager
def false_acme() -> Iterator[FalseAcme]:
    state = FalseAcme()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            place = self.path.strip("/").partition("/")[0]
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.asked.append(place)
            status, headers, body = state.answer(place)
            self.send_response(status)
            for name, value in {"Replay-Nonce": "bm9uY2U", "Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            self._handle()

        def do_HEAD(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def log_message(self, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()


@contextmanager
def bait() -> Iterator[tuple[str, list[str]]]:
    """A place that nobody may contact, as a base of addresses; and who did."""
    callers: list[str] = []
    with accepting(lambda _, caller: callers.append(str(caller)), at=("127.0.0.2", 0)) as port:
        yield f"http://127.0.0.2:{port}", callers
