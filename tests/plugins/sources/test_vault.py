"""vault-source against a real OpenBao: what it finds, what it leaves out, and where it looks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from pki import inspection, keys
from plugins import Bundle, Misconfigured, Permanent, network, parse
from plugins.destinations.vault import VaultDestination
from plugins.sources import vault
from plugins.sources.vault import VaultSource
from plugins.testing import sample_pki
from plugins.testing_stores import SourceContract
from tests.servers.sftp import free_port
from tests.servers.vault import VaultServer, vault_server


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with vault_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


def source(server: VaultServer, **changes: Any) -> VaultSource:
    return VaultSource(parse(VaultSource.Options, server.options(**changes)))


def write(server: VaultServer, path: str, **entries: Any) -> None:
    server.root.secrets.kv.v2.create_or_update_secret(path, entries)


class TestVaultSource(SourceContract):
    plugin_class = VaultSource
    wrong_values = {"vaultUrl": "ftp://vault", "vaultPath": "../x", "objectName": "{CN}"}

    @pytest.fixture(autouse=True)
    def _running(self, server: VaultServer) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def put(self, bundle: Bundle) -> None:
        VaultDestination(parse(VaultDestination.Options, self.server.options(bundleChain="Apache"))).upload(bundle)

    def spoil(self) -> None:
        write(self.server, "certs/spoiled", x={"crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})

    def broken(self) -> Any:
        return source(self.server, vaultUrl=f"http://127.0.0.1:{free_port()}")


def test_it_reads_what_lemur_has_written_and_what_others_write(server: VaultServer) -> None:
    bundles = {name: sample_pki().bundle(name) for name in ("crt", "pem", "odd", "flat")}
    body = {name: inspection.pem(one.certificate) for name, one in bundles.items()}
    chain = inspection.pem(bundles["crt"].chain[0])
    key = keys.private_key_pem(bundles["pem"].private_key)  # type: ignore[arg-type]
    write(server, "certs/ways/lemur", crt={"crt": body["crt"] + "\n" + chain, "san": ["www.example.org"]})
    write(server, "certs/ways/deep/er", pem={"pem": f"{body['pem']}\n{chain}\n{key}"}, odd={"anything": body["odd"]})
    write(server, "certs/ways/flat", certificate=body["flat"], note="not one", number=7, nothing=None)
    found = {one.where: one for one in source(server, vaultPath="certs/ways").certificates()}
    assert {where: one.certificate for where, one in found.items()} == {
        "certs/ways/lemur/crt": bundles["crt"].certificate,
        "certs/ways/deep/er/pem": bundles["pem"].certificate,
        "certs/ways/deep/er/odd": bundles["odd"].certificate,
        "certs/ways/flat": bundles["flat"].certificate,
    }
    assert found["certs/ways/deep/er/pem"].private_key is not None
    assert list(found["certs/ways/lemur/crt"].chain) == [bundles["crt"].chain[0]]
    assert found["certs/ways/lemur/crt"].name == "crt"


def test_one_secret_alone(server: VaultServer) -> None:
    for name in ("this", "that"):
        write(server, f"certs/one/{name}", **{name: {"crt": inspection.pem(sample_pki().bundle(name).certificate)}})
    made = source(server, vaultPath="certs/one", objectName="this")
    made.check()
    assert [one.name for one in made.certificates()] == ["this"]


def test_what_was_deleted_is_not_found(server: VaultServer) -> None:
    write(server, "certs/gone/x", x={"crt": inspection.pem(sample_pki().bundle().certificate)})
    server.root.secrets.kv.v2.delete_latest_version_of_secret("certs/gone/x")
    assert list(source(server, vaultPath="certs/gone").certificates()) == []


def test_what_is_left_out_is_logged_without_its_content(server: VaultServer, caplog: pytest.LogCaptureFixture) -> None:
    key = keys.private_key_pem(sample_pki().bundle().private_key)  # type: ignore[arg-type]
    write(server, "certs/mixed/x", x={"crt": inspection.pem(sample_pki().bundle().certificate), "key": key})
    with caplog.at_level(logging.WARNING):
        assert list(source(server, vaultPath="certs/mixed").certificates()) == []
    [line] = [record for record in caplog.records if record.message == "source.secret_left_out"]
    assert line.__dict__["path"] == "certs/mixed/x/x"
    assert "PRIVATE" not in caplog.text + str(line.__dict__)


def test_too_many_secrets_are_refused(server: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MOST_SECRETS", 2)
    for number in range(3):
        write(server, f"certs/many/{number}", x="y")
    with pytest.raises(Permanent, match="more than 2 secrets"):
        list(source(server, vaultPath="certs/many").certificates())


def test_a_place_that_one_may_not_read(server: VaultServer) -> None:
    made = source(server, vaultPath="others")
    with pytest.raises(Misconfigured, match="may not list at secret/metadata/others/"):
        made.check()
    with pytest.raises(Misconfigured, match="permission denied"):
        list(made.certificates())
