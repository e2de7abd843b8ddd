"""OpenBao, which speaks Vault's API, in its development mode on a free port of 127.0.0.1, with a PKI engine."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac

from tests.servers.running import free_port, running


@dataclass(frozen=True)
class OpenBao:
    """`pki` is a root, `issuing` an intermediate under it; both have the role `web` for names in example.org."""

    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> hvac.Client:
        return hvac.Client(url=self.url, token=self.token)

    def ca(self, mount: str = "pki") -> str:
        found: str = self.client.secrets.pki.read_ca_certificate(mount_point=mount)
        return found

    def options(self, **changes: object) -> dict[str, object]:
        """Options of vault-issuer that work."""
        return {"url": self.url, "token": self.token, "mount": "issuing", "role": "web", **changes}

    def acme_options(self, **changes: object) -> dict[str, object]:
        """Options of acme-issuer that work."""
        return {"acme_url": f"{self.url}/v1/pki/acme/directory", "certificate": self.ca(), **changes}

    def is_revoked(self, serial: int, mount: str = "issuing") -> bool:
        text = f"{serial:x}"
        octets = text.zfill(len(text) + len(text) % 2)
        name = ":".join(octets[at : at + 2] for at in range(0, len(octets), 2))
        found: Any = self.client.secrets.pki.read_certificate(name, mount_point=mount)
        return int(found["data"]["revocation_time"]) > 0


@contextmanager
def openbao(resolver: str = "") -> Iterator[OpenBao]:
    """``resolver``: the DNS server that its ACME asks."""
    program, server = Path(sys.executable).parent / "bao", OpenBao(free_port(), secrets.token_hex(8))
    with tempfile.TemporaryDirectory(prefix="lemur-bao-") as directory:
        home = Path(directory)
        command = [
            program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={server.token}",
            f"-dev-listen-address=127.0.0.1:{server.port}",
        ]  # fmt: skip
        with running(*command, port=server.port, log=home / "log", environment={"HOME": directory}):
            _set_up(server, resolver)
            yield server


def _set_up(server: OpenBao, resolver: str) -> None:
    client = server.client
    system, pki = client.sys, client.secrets.pki
    for mount in ("pki", "issuing"):
        system.enable_secrets_engine("pki", path=mount)
        system.tune_mount_configuration(mount, max_lease_ttl="87600h")
    key: dict[str, Any] = {"key_type": "ec", "key_bits": 256, "ttl": "43800h"}
    pki.generate_root("internal", "Bao Root", extra_params=key)
    csr = pki.generate_intermediate("internal", "Bao Issuing", extra_params=key, mount_point="issuing")["data"]["csr"]
    signed = pki.sign_intermediate(csr, "Bao Issuing", extra_params={"ttl": "40000h"})["data"]
    pki.set_signed_intermediate("\n".join([signed["certificate"], signed["issuing_ca"]]), mount_point="issuing")
    role = {
        "allowed_domains": "example.org", "allow_subdomains": True, "allow_bare_domains": True, "key_type": "any",
        "max_ttl": "8760h", "require_cn": False, "allow_wildcard_certificates": True,
    }  # fmt: skip
    for mount in ("pki", "issuing"):
        pki.create_or_update_role("web", extra_params=role, mount_point=mount)
    if resolver:
        _open_acme(server, resolver)


def _open_acme(server: OpenBao, resolver: str) -> None:
    client = server.client
    headers = ["Last-Modified", "Location", "Replay-Nonce", "Link"]
    client.write_data("sys/mounts/pki/tune", data={"allowed_response_headers": headers})
    client.write_data("pki/config/cluster", data={"path": f"{server.url}/v1/pki"})
    client.write_data("pki/config/acme", data={"enabled": True, "dns_resolver": resolver})
