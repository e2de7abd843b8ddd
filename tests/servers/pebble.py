"""Pebble, the ACME server of Let's Encrypt's own tests, on free ports of 127.0.0.1; it refuses nonces at random."""

from __future__ import annotations

import json
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography import x509

from tests import pki_material
from tests.servers import require
from tests.servers.running import free_port, running

BAD_NONCES = "10"  # of a hundred
BLOCKED = "blocked.example.org"


@dataclass(frozen=True)
class Pebble:
    """A running server. ``root`` is trusted by its own TLS; ``eab`` are key id and key of an external account."""

    port: int
    management: int
    http_port: int
    root: str
    log: Path
    eab: tuple[str, str] | None = None

    @property
    def directory(self) -> str:
        return f"https://localhost:{self.port}/dir"

    def options(self, **changes: object) -> dict[str, object]:
        """Options of acme-issuer that work."""
        return {
            "acme_url": self.directory,
            "certificate": self.ca(),
            "email": "pki@example.org",
            "termsAgreed": True,
            "trustedRoots": self.root,
            **changes,
        }

    def ca(self, number: int = 0) -> str:
        """The certificate of one of its roots."""
        return self._get(f"roots/{number}").text

    def status(self, certificate: x509.Certificate) -> str:
        """Valid or Revoked."""
        found: str = self._get(f"cert-status-by-serial/{certificate.serial_number:x}").json()["Status"]
        return found

    def issued(self) -> list[int]:
        """The serial numbers of whatever it has issued."""
        return [int(serial, 16) for serial in re.findall(r"Issued certificate serial (\w+) ", self.log.read_text())]

    def _get(self, path: str) -> requests.Response:
        # By request, since the environment may name a bundle of its own.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self.root)
            file.flush()
            answer = requests.get(f"https://localhost:{self.management}/{path}", verify=file.name, timeout=30)
        answer.raise_for_status()
        return answer


@contextmanager
def pebble(names: str, *, http_port: int | None = None, external_account: bool = False) -> Iterator[Pebble]:
    """``names``: the DNS server that it asks. ``http_port``: where it looks for answers to http-01."""
    program = require("pebble")
    root = pki_material.Material().root
    tls = pki_material.Material().leaf_with(names=["localhost", "127.0.0.1"], issuer=root)
    eab = ("kid-1", secrets.token_urlsafe(32)) if external_account else None
    with tempfile.TemporaryDirectory(prefix="lemur-pebble-") as directory:
        home = Path(directory)
        server = Pebble(free_port(), free_port(), http_port or free_port(), root.pem, home / "log", eab)
        (home / "tls.pem").write_text(tls.pem)
        (home / "tls.key").write_text(tls.key_pem)
        (home / "config.json").write_text(json.dumps(_config(server, home)))
        environment = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": BAD_NONCES,
            "PEBBLE_ALTERNATE_ROOTS": "1",
            "PEBBLE_AUTHZREUSE": "0",
        }
        command = [program, "-config", home / "config.json", "-strict", "-dnsserver", names]
        with running(*command, port=server.port, log=server.log, environment=environment):
            yield server


def _config(server: Pebble, home: Path) -> dict[str, Any]:
    config = {
        "listenAddress": f"127.0.0.1:{server.port}",
        "managementListenAddress": f"127.0.0.1:{server.management}",
        "certificate": str(home / "tls.pem"),
        "privateKey": str(home / "tls.key"),
        "httpPort": server.http_port,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "domainBlocklist": [BLOCKED],
    }
    if server.eab is not None:
        config |= {"externalAccountBindingRequired": True, "externalAccountMACKeys": dict([server.eab])}
    return {"pebble": config}
