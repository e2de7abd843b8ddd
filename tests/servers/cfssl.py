"""CFSSL's own server, with a shared key and a database, on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.pki_material import material
from tests.servers import require
from tests.servers.running import free_port, running

# As its own migrations make them.
SCHEMA = """
CREATE TABLE certificates (
    serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob, status blob NOT NULL,
    reason int, expiry timestamp, revoked_at timestamp, pem blob NOT NULL,
    PRIMARY KEY (serial_number, authority_key_identifier)
);
CREATE TABLE ocsp_responses (
    serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, body blob NOT NULL, expiry timestamp,
    PRIMARY KEY (serial_number, authority_key_identifier)
);
"""


@dataclass(frozen=True)
class Cfssl:
    """It signs with the intermediate of `tests.pki_material`."""

    port: int
    key: str
    database: Path

    def options(self, **changes: object) -> dict[str, object]:
        """Options of cfssl-issuer that work."""
        return {
            "url": f"http://127.0.0.1:{self.port}",
            "key": self.key,
            "certificate": material().root.pem,
            **changes,
        }

    def rows(self) -> dict[str, str]:
        """Status of each certificate by its serial number."""
        with closing(sqlite3.connect(self.database)) as database:
            return {str(serial): str(status) for serial, status in database.execute(
                "SELECT serial_number, status FROM certificates"
            )}  # fmt: skip


@contextmanager
def cfssl() -> Iterator[Cfssl]:
    program = require("cfssl")
    with tempfile.TemporaryDirectory(prefix="lemur-cfssl-") as directory:
        home = Path(directory)
        server = Cfssl(free_port(), secrets.token_hex(16), home / "certificates.sqlite3")
        with closing(sqlite3.connect(server.database)) as database:
            database.executescript(SCHEMA)
        profile = {"auth_key": "shared", "expiry": "720h", "usages": ["digital signature", "server auth"]}
        config = {
            "signing": {"default": profile, "profiles": {"short": {**profile, "expiry": "24h"}}},
            "auth_keys": {"shared": {"type": "standard", "key": server.key}},
        }
        (home / "config.json").write_text(json.dumps(config))
        (home / "database.json").write_text(json.dumps({"driver": "sqlite3", "data_source": str(server.database)}))
        (home / "ca.pem").write_text(material().intermediate.pem)
        (home / "ca.key").write_text(material().intermediate.key_pem)
        command = [
            program, "serve", "-address", "127.0.0.1", "-port", str(server.port), "-ca", home / "ca.pem",
            "-ca-key", home / "ca.key", "-config", home / "config.json", "-db-config", home / "database.json",
        ]  # fmt: skip
        with running(*command, port=server.port, log=home / "log"):
            yield server
