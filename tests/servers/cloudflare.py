"""A fake of Cloudflare's API, written from its public description: zones, TXT records, tokens."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN, EMAIL, KEY = "cf-token-of-tests", "alice@example.org", "cf-global-key-of-tests"


@dataclass
class Cloudflare:
    """What it holds: the id of each zone, and in each zone the records by id."""

    port: int = 0
    zones: dict[str, str] = field(default_factory=lambda: {"example.org": uuid.uuid4().hex})
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    nonsense: bool = False

    def options(self, **changes: object) -> dict[str, object]:
        """Options of cloudflare-dns that work, but for the name servers."""
        return {"url": f"http://127.0.0.1:{self.port}/client/v4", "token": TOKEN, **changes}

    def texts(self, name: str) -> set[str]:
        every = [record for zone in self.records.values() for record in zone.values()]
        return {record["content"].strip('"') for record in every if record["name"] == name}

    def answer(self, method: str, path: list[str], asked: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        match method, path:
            case "GET", ["zones"]:
                return 200, [
                    {"id": pk, "name": name} for name, pk in self.zones.items() if asked.get("name", name) == name
                ]
            case "GET", ["zones", zone, "dns_records"] if zone in self.zones.values():
                found = self.records.get(zone, {}).values()
                return 200, [one for one in found if (one["type"], one["name"]) == (asked["type"], asked["name"])]
            case "POST", ["zones", zone, "dns_records"] if zone in self.zones.values():
                kept = self.records.setdefault(zone, {})
                if any((one["name"], one["content"]) == (body["name"], body["content"]) for one in kept.values()):
                    return 400, (81058, "An identical record already exists.")
                record = {"id": uuid.uuid4().hex, **body}
                kept[record["id"]] = record
                return 200, record
            case "DELETE", ["zones", zone, "dns_records", pk] if pk in self.records.get(zone, {}):
                del self.records[zone][pk]
                return 200, {"id": pk}
        return 404, (7003, "Could not route to it.")


@contextmanager
def cloudflare() -> Iterator[Cloudflare]:
    state = Cloudflare()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            path = parts.path.removeprefix("/client/v4/").split("/")
            status, result = (
                state.answer(self.command, path, asked, body)
                if self._allowed()
                else (403, (10000, "Authentication error"))
            )
            ok = status == 200
            errors = [] if ok else [{"code": result[0], "message": result[1]}]
            told = {"success": ok, "errors": errors, "messages": [], "result": result if ok else None}
            text = b"<html>down for maintenance</html>" if state.nonsense else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def do_DELETE(self) -> None:
            self._handle()

        def _allowed(self) -> bool:
            by_key = (self.headers.get("X-Auth-Email"), self.headers.get("X-Auth-Key")) == (EMAIL, KEY)
            return by_key or self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def log_message(self, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()
