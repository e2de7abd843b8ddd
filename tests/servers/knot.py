"""Knot DNS: an authoritative server that takes dynamic updates with a TSIG key, on a free port of 127.0.0.1."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from tests.servers import require
from tests.servers.running import free_port, running

CONFIG = """
server:
    listen: 127.0.0.1@{port}
    rundir: {home}
database:
    storage: {home}/database
log:
  - target: stderr
    any: warning
key:
  - id: lemur
    algorithm: hmac-sha256
    secret: {secret}
  - id: powerless
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: lemur
    action: update
    update-type: TXT
template:
  - id: default
    storage: {home}
    acl: updates
    zonefile-sync: -1
zone:
"""
ZONE = """$ORIGIN {zone}.
$TTL 60
@ SOA ns admin 1 60 60 3600 60
@ NS ns
ns A 127.0.0.1
{records}
"""
# What the tests of the plugins expect of a service: a zone, and another one with an alias into it.
ZONES = {
    "example.org": "@ A 127.0.0.1\n* A 127.0.0.1",
    "example.net": "_acme-challenge.www CNAME www.example.org.\nwww A 127.0.0.1",
}


@dataclass(frozen=True)
class Knot:
    """A running server. The key `lemur` may change TXT records, the key `powerless` nothing."""

    port: int
    secret: str

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def options(self, **changes: object) -> dict[str, object]:
        """Options of rfc2136-dns that work."""
        return {
            "server": "127.0.0.1",
            "port": self.port,
            "keyName": "lemur",
            "keySecret": self.secret,
            "nameservers": self.address,
            "zone": "example.org",
            **changes,
        }

    def texts(self, name: str) -> set[str]:
        """The values of a name's TXT records."""
        answer = dns.query.udp(dns.message.make_query(name, "TXT"), "127.0.0.1", port=self.port, timeout=10)
        rrsets = [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT]
        return {b"".join(rdata.strings).decode() for rrset in rrsets for rdata in rrset}


@contextmanager
def knot(zones: Mapping[str, str] = ZONES) -> Iterator[Knot]:
    program = require("knotd")
    with tempfile.TemporaryDirectory(prefix="lemur-knot-") as directory:
        home, server = Path(directory), Knot(free_port(), base64.b64encode(os.urandom(32)).decode())
        config = CONFIG.format(port=server.port, home=home, secret=server.secret)
        for zone, records in zones.items():
            (home / f"{zone}.zone").write_text(ZONE.format(zone=zone, records=records))
            config += f"  - domain: {zone}\n    file: {zone}.zone\n"
        (home / "database").mkdir()
        (home / "knot.conf").write_text(config)
        with running(program, "-c", home / "knot.conf", port=server.port, log=home / "log"):
            yield server
