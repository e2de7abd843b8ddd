"""hashi-vault-destination against a real OpenBao: what lies where, who gets in, and that nobody else's is touched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import inspection, keys
from plugins import Misconfigured, OptionErrors, Permanent, Temporary, network, parse, vault_kv
from plugins.destinations.vault import VaultDestination
from plugins.testing import sample_pki
from plugins.testing_stores import DestinationContract
from tests.servers.sftp import free_port
from tests.servers.vault import VaultServer, vault_server

SECRET = "wrong-Horse-7-battery"


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with vault_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


def destination(server: VaultServer, **changes: Any) -> VaultDestination:
    return VaultDestination(parse(VaultDestination.Options, server.options(**changes)))


def secret(server: VaultServer, path: str) -> dict[str, Any]:
    """What is there, seen with the rights of root."""
    try:
        answer = server.root.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
    except vault_kv.hvac.exceptions.InvalidPath:
        return {}
    return dict(answer["data"]["data"])


class TestVaultDestination(DestinationContract):
    plugin_class = VaultDestination
    wrong_values = {
        "vaultUrl": "ftp://vault",
        "vaultKvApiVersion": "1",
        "authenticationMethod": "kubernetes",
        "vaultPath": "{OU}/certs",
        "vaultMount": "../sys",
        "objectName": "a b",
        "bundleChain": "IIS",
        "vaultCertificate": "no certificate",
    }

    @pytest.fixture(autouse=True)
    def _running(self, server: VaultServer) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def there(self, name: str) -> list[x509.Certificate]:
        entry = secret(self.server, f"certs/{name}").get(name)
        return x509.load_pem_x509_certificates(entry["crt"].encode()) if entry else []

    def key_there(self, name: str) -> Any:
        return load_pem_private_key(secret(self.server, f"certs/{name}")[name]["key"].encode(), None)

    def refused(self) -> Any:
        return destination(self.server, token=SECRET)

    def unreachable(self) -> Any:
        return destination(self.server, vaultUrl=f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("bundle_chain", "parts"),
    [("Nginx", ["crt", "key"]), ("Apache", ["chain", "crt", "key"]), ("PEM", ["pem"]), ("no chain", ["crt", "key"])],
)
def test_what_lies_in_an_entry(server: VaultServer, bundle_chain: str, parts: list[str]) -> None:
    bundle = sample_pki().bundle("shapes")
    made = destination(server, bundleChain=bundle_chain)
    made.upload(bundle)
    entry = secret(server, "certs/shapes")["shapes"]
    assert sorted(entry) == sorted([*parts, "san"])
    assert entry["san"] == ["www.example.org"]
    text = entry.get("crt") or entry["pem"]
    assert text.startswith(inspection.pem(bundle.certificate))
    assert (inspection.pem(bundle.chain[0]) in text) == (bundle_chain in ("Nginx", "PEM"))
    key = load_pem_private_key((entry.get("key") or text[text.index("-----BEGIN EC PRIVATE") :]).encode(), None)
    assert keys.belongs(key, bundle.certificate.public_key())  # type: ignore[arg-type]
    assert made.held("shapes") == inspection.fingerprint(bundle.certificate)


def test_several_certificates_share_a_secret(server: VaultServer) -> None:
    made = destination(server, objectName="shared")
    one, other = sample_pki().bundle("one"), sample_pki().bundle("other")
    server.root.secrets.kv.v2.create_or_update_secret("certs/shared", {"note": "by hand"})
    made.upload(one)
    made.upload(other)
    assert sorted(secret(server, "certs/shared")) == ["note", "one", "other"]
    made.remove(one)
    assert sorted(secret(server, "certs/shared")) == ["note", "other"]
    assert made.held("one") is None


def test_nothing_is_left_of_a_secret_that_held_nothing_else(server: VaultServer) -> None:
    bundle = sample_pki().bundle("alone")
    made = destination(server)
    made.upload(sample_pki().bundle("alone"))
    made.upload(bundle)
    made.remove(bundle)
    with pytest.raises(vault_kv.hvac.exceptions.InvalidPath):
        server.root.secrets.kv.v2.read_secret_metadata("certs/alone")


def test_what_somebody_has_deleted_is_written_again(server: VaultServer) -> None:
    bundle = sample_pki().bundle("deleted")
    made = destination(server)
    made.upload(bundle)
    server.root.secrets.kv.v2.delete_latest_version_of_secret("certs/deleted")
    assert made.held("deleted") is None
    made.upload(bundle)
    assert made.held("deleted") == inspection.fingerprint(bundle.certificate)


def test_of_two_at_once_neither_is_lost(server: VaultServer) -> None:
    bundles = [sample_pki().bundle(f"at-once-{number}") for number in range(4)]
    made, problems = destination(server, objectName="at-once"), []

    def deliver(bundle: Any) -> None:
        try:
            made.upload(bundle)
        except Temporary:
            problems.append(bundle)

    threads = [threading.Thread(target=deliver, args=(bundle,)) for bundle in bundles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = set(secret(server, "certs/at-once"))
    assert there == {bundle.name for bundle in bundles if bundle not in problems}


def test_a_path_with_the_name_in_it(server: VaultServer) -> None:
    bundle = sample_pki().bundle("named")
    destination(server, vaultPath="certs/{CN}/tls", objectName="pair").upload(bundle)
    assert list(secret(server, "certs/named/tls/pair")) == ["named"]


def test_an_app_role(server: VaultServer) -> None:
    role, secret_id = server.role()
    way = {"token": None, "authenticationMethod": "approle", "roleId": role, "secretId": secret_id}
    made, bundle = destination(server, **way), sample_pki().bundle("by-role")
    made.check()
    made.upload(bundle)
    assert made.held("by-role") == inspection.fingerprint(bundle.certificate)
    with pytest.raises(Misconfigured, match="does not let this role in") as caught:
        destination(server, **{**way, "secretId": SECRET}).check()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"token": None}, {"token": "Option 'token' cannot be validated: give a token, or choose approle."}),
        (
            {"token": None, "authenticationMethod": "approle", "roleId": "x"},
            {"token": "Option 'token' cannot be validated: approle needs a role id and a secret id."},
        ),
    ],
)
def test_there_must_be_a_way_in(server: VaultServer, changes: dict[str, Any], problem: dict[str, str]) -> None:
    with pytest.raises(OptionErrors) as caught:
        destination(server, **changes)
    assert caught.value.errors == problem


def test_a_place_where_one_may_not_write(server: VaultServer) -> None:
    made = destination(server, vaultPath="others")
    with pytest.raises(Misconfigured, match="may not create and read and update at secret/data/others/trial"):
        made.check()
    with pytest.raises(Misconfigured, match="permission denied"):
        made.upload(sample_pki().bundle("elsewhere"))


def test_a_store_that_is_not_there(server: VaultServer) -> None:
    token = server.limited_token('path "nowhere/*" { capabilities = ["create", "read", "update"] }')
    with pytest.raises(Permanent):
        destination(server, vaultMount="nowhere", token=token).upload(sample_pki().bundle("nowhere"))


def test_a_sealed_server_is_worth_another_try() -> None:
    with vault_server() as server:
        made = destination(server)
        server.root.sys.seal()
        for attempt in (made.check, lambda: made.upload(sample_pki().bundle("sealed"))):
            with pytest.raises(Temporary, match="sealed"):
                attempt()


@pytest.mark.parametrize("name", ["../up", "a/b", "", "x" * 231])
def test_names_that_are_none(server: VaultServer, name: str) -> None:
    bundle = sample_pki().bundle()
    with pytest.raises(Permanent, match="cannot be the name of a file"):
        destination(server).upload(type(bundle)(**{**vars(bundle), "name": name}))


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"data": 1}', b'{"data": {"data": [1]}}'])
def test_what_is_no_vault(server: VaultServer, answer: bytes) -> None:
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Nonsense) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        made = destination(server, vaultUrl=f"http://127.0.0.1:{odd.server_port}")
        for attempt in (made.check, lambda: made.held("x"), lambda: made.upload(sample_pki().bundle("odd"))):
            with pytest.raises(Permanent):
                attempt()
        odd.shutdown()


def test_addresses_that_are_not_contacted(server: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", ())
    with pytest.raises(Misconfigured, match="OUTBOUND_ALLOW can permit it"):
        destination(server).check()
