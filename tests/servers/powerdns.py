"""PowerDNS's authoritative server with its HTTP API, over a database of SQLite, on free ports of 127.0.0.1."""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.servers import missing, require
from tests.servers.running import free_port, running

SCHEMA = Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
ZONES = {
    "example.org": [],
    "example.net": [{"name": "_acme-challenge.www.example.net.", "type": "CNAME", "content": "www.example.org."}],
}


@dataclass(frozen=True)
class PowerDnsServer:
    port: int
    api_port: int
    key: str

    def options(self, **changes: object) -> dict[str, object]:
        """Options of powerdns-dns that work."""
        return {
            "url": f"http://127.0.0.1:{self.api_port}",
            "apiKey": self.key,
            "nameservers": f"127.0.0.1:{self.port}",
            **changes,
        }

    def call(self, method: str, path: str = "", body: object = None) -> requests.Response:
        url = f"http://127.0.0.1:{self.api_port}/api/v1/servers/localhost/zones{path}"
        answer = requests.request(method, url, json=body, headers={"X-API-Key": self.key}, timeout=30)
        answer.raise_for_status()
        return answer

    def texts(self, zone: str, name: str) -> set[str]:
        """The values of a name's TXT records, as the API tells them."""
        sets = self.call("GET", f"/{zone}.").json()["rrsets"]
        found = [one for one in sets if (one["name"], one["type"]) == (f"{name}.", "TXT")]
        return {record["content"].strip('"') for one in found for record in one["records"]}


@contextmanager
def powerdns() -> Iterator[PowerDnsServer]:
    program = require("pdns_server")
    if not SCHEMA.exists():
        missing("pdns_server's backend for SQLite (apt-get install pdns-backend-sqlite3)")
    with tempfile.TemporaryDirectory(prefix="lemur-pdns-") as directory:
        home, server = Path(directory), PowerDnsServer(free_port(), free_port(), secrets.token_urlsafe(16))
        with sqlite3.connect(home / "pdns.sqlite3") as database:
            database.executescript(SCHEMA.read_text())
        database.close()
        settings = {
            "config-dir": home,
            "launch": "gsqlite3",
            "gsqlite3-database": home / "pdns.sqlite3",
            "local-address": "127.0.0.1",
            "local-port": server.port,
            "socket-dir": home,
            "api": "yes",
            "api-key": server.key,
            "webserver": "yes",
            "webserver-address": "127.0.0.1",
            "webserver-port": server.api_port,
            "cache-ttl": 0,
            "query-cache-ttl": 0,
            "negquery-cache-ttl": 0,
            "zone-cache-refresh-interval": 0,
            "daemon": "no",
            "guardian": "no",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with running(program, *options, port=server.api_port, log=home / "log"):
            _make_zones(server)
            yield server


def _make_zones(server: PowerDnsServer) -> None:
    for zone, records in ZONES.items():
        rrsets = [
            {"name": one["name"], "type": one["type"], "ttl": 60, "records": [{"content": one["content"]}]}
            for one in records
        ]
        body = {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns.{zone}."], "rrsets": rrsets}
        server.call("POST", body=body)
