"""The main job, from outside: the real product issues a certificate, and OpenSSL and Java's keytool judge it."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pytest

from tests.system.api import Api, first_password
from tests.system.installation import Installation, free_port, wait_until

HOST = "www.example.com"
NAMES = [("DNSName", HOST), ("DNSName", "example.com"), ("IPAddress", "127.0.0.1")]

pytestmark = pytest.mark.server("openssl")


@dataclass(frozen=True)
class World:
    """The leaf as the API shows it, its private key, and files for the judges."""

    api: Api
    leaf: dict[str, Any]
    files: Path

    def path(self, name: str) -> str:
        return str(self.files / name)

    def exported(self, slug: str, **options: Any) -> tuple[str, str]:
        """The path of the exported file, and its passphrase."""
        extension, passphrase, data = self.api.export(self.leaf["id"], slug, **options)
        path = self.files / f"{slug}-{'-'.join(map(str, options.values())).replace(' ', '')}.{extension}"
        path.write_bytes(data)
        return str(path), passphrase


@pytest.fixture(scope="module")
def world(product: Installation, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Log in, a root, an intermediate under it, a P-256 leaf with three names."""
    files = tmp_path_factory.mktemp("first")
    api = Api(product, first_password(product))
    return World(api, _leaf(api, files), files)


def _leaf(api: Api, files: Path) -> dict[str, Any]:
    root = api.post("authorities", name="Root", commonName="Example Root CA", owner="pki@example.com")
    issuing = {"name": "Issuing", "commonName": "Example Issuing CA", "owner": "pki@example.com"}
    api.post("authorities", type="subca", parent={"id": root["id"]}, **issuing)
    names = [{"nameType": kind, "value": value} for kind, value in NAMES]
    leaf: dict[str, Any] = api.post(
        "certificates",
        authority={"name": "Issuing"},
        owner="web@example.com",
        commonName=HOST,
        extensions={"subAltNames": {"names": names}},
    )
    (files / "root.pem").write_text(root["body"])
    (files / "leaf.pem").write_text(leaf["body"])
    (files / "intermediate.pem").write_text(certificates(leaf["chain"])[0])
    (files / "key.pem").write_text(api.get(f"certificates/{leaf['id']}/key")["key"])
    return leaf


def run(*command: str, passphrase: str = "", expect: int = 0) -> str:
    """Both outputs of a judge, which finds the passphrase in $PASS."""
    done = subprocess.run(
        command,
        env={**os.environ, "PASS": passphrase},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) is (expect == 0), f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def public_key(world: World) -> str:
    return run("openssl", "x509", "-in", world.path("leaf.pem"), "-noout", "-pubkey")


def certificates(pem: str) -> list[str]:
    return re.findall("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", pem, re.DOTALL)


def fingerprints(pem: str) -> list[str]:
    """The SHA-256 of each certificate in a PEM text, in its order."""
    return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(one)).hexdigest() for one in certificates(pem)]


def test_the_leaf_says_what_was_ordered(world: World) -> None:
    text = run("openssl", "x509", "-in", world.path("leaf.pem"), "-noout", "-text")
    assert "DNS:www.example.com, DNS:example.com, IP Address:127.0.0.1" in text
    assert "ASN1 OID: prime256v1" in text
    assert world.leaf["keyType"] == "ECCPRIME256V1"
    assert world.leaf["authority"]["name"] == "Issuing"


def test_strict_openssl_verifies_the_leaf_against_the_root(world: World) -> None:
    verify = ("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", world.path("root.pem"))
    assert run(*verify, "-untrusted", world.path("intermediate.pem"), world.path("leaf.pem")).strip().endswith(": OK")
    assert "unable to get local issuer certificate" in run(*verify, world.path("leaf.pem"), expect=1)


@pytest.fixture
def tls_port(world: World) -> Iterator[int]:
    """A TLS server that serves the leaf with its intermediate."""
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", world.path("leaf.pem")]
    command += ["-key", world.path("key.pem"), "-cert_chain", world.path("intermediate.pem")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        output = cast(IO[bytes], server.stdout)
        try:
            wait_until(lambda: b"ACCEPT" in output.readline(), 60)
            yield port
        finally:
            server.kill()


def connect(world: World, port: int, *check: str, expect: int = 0) -> str:
    trust = ("-CAfile", world.path("root.pem"), "-verify_return_error", "-x509_strict")
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *trust, *check, expect=expect)


def test_a_tls_server_serves_it_and_clients_verify_it_by_name_and_address(world: World, tls_port: int) -> None:
    for check in (("-verify_hostname", HOST), ("-verify_hostname", "example.com"), ("-verify_ip", "127.0.0.1")):
        assert "Verify return code: 0 (ok)" in connect(world, tls_port, *check)
    assert "hostname mismatch" in connect(world, tls_port, "-verify_hostname", "other.example.com", expect=1).lower()
    assert "ip address mismatch" in connect(world, tls_port, "-verify_ip", "127.0.0.2", expect=1).lower()


@pytest.mark.parametrize("kind", ["PKCS12 (.p12)", "legacy PKCS12 (.p12)"])
class TestPkcs12:
    def test_openssl_opens_it(self, world: World, kind: str) -> None:
        path, passphrase = world.exported("openssl-export", type=kind)
        pem = run("openssl", "pkcs12", "-in", path, "-passin", "env:PASS", "-nodes", passphrase=passphrase)
        assert fingerprints(pem) == fingerprints(world.leaf["body"] + world.leaf["chain"])
        key = world.files / "from.p12.pem"
        key.write_text(pem)
        assert run("openssl", "pkey", "-in", str(key), "-pubout") == public_key(world)

    def test_openssl_refuses_another_passphrase(self, world: World, kind: str) -> None:
        path, _ = world.exported("openssl-export", type=kind)
        wrong = run("openssl", "pkcs12", "-in", path, "-passin", "env:PASS", passphrase="another", expect=1)
        assert "invalid password" in wrong

    @pytest.mark.server("keytool")
    def test_keytool_opens_it(self, world: World, kind: str) -> None:
        path, passphrase = world.exported("openssl-export", type=kind)
        listed = keytool(path, passphrase, "PKCS12")
        assert "Alias name: www.example.com" in listed
        assert "Certificate chain length: 3" in listed
        assert colons(world.leaf["fingerprint"]) in listed


def keytool(path: str, passphrase: str, kind: str) -> str:
    command = ("keytool", "-J-Duser.language=en", "-list", "-v", "-keystore", path, "-storetype", kind)
    return run(*command, "-storepass:env", "PASS", passphrase=passphrase)


def colons(fingerprint: str) -> str:
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()


@pytest.mark.server("keytool")
def test_keytool_opens_the_java_key_store(world: World) -> None:
    listed = keytool(*world.exported("java-keystore-jks", alias="web"), "JKS")
    assert "Alias name: web\n" in listed
    assert "Entry type: PrivateKeyEntry" in listed
    assert "Certificate chain length: 3" in listed
    assert colons(world.leaf["fingerprint"]) in listed


@pytest.mark.server("keytool")
def test_keytool_opens_the_java_trust_store(world: World) -> None:
    listed = keytool(*world.exported("java-truststore-jks", alias="web"), "JKS")
    assert "Your keystore contains 3 entries" in listed
    assert listed.count("Entry type: trustedCertEntry") == 3
    assert "PrivateKeyEntry" not in listed


@pytest.mark.parametrize("encoding", ["PEM", "DER"])
def test_openssl_reads_the_pkcs7(world: World, encoding: str) -> None:
    path, _ = world.exported("pkcs7-export", encoding=encoding)
    pem = run("openssl", "pkcs7", "-in", path, "-inform", encoding, "-print_certs")
    assert sorted(fingerprints(pem)) == sorted(fingerprints(world.leaf["body"] + world.leaf["chain"]))


def test_openssl_reads_the_der(world: World) -> None:
    path, _ = world.exported("der-export")
    text = run("openssl", "x509", "-in", path, "-inform", "DER", "-noout", "-fingerprint", "-sha256")
    assert text.strip().endswith(colons(world.leaf["fingerprint"]))


def test_openssl_reads_the_pem_with_key(world: World) -> None:
    path, _ = world.exported("pem-export", type="Certificate, chain and key")
    assert fingerprints(Path(path).read_text()) == [
        world.leaf["fingerprint"],
        *fingerprints(Path(world.path("intermediate.pem")).read_text()),
    ]
    assert run("openssl", "pkey", "-in", path, "-pubout") == public_key(world)


def test_openssl_verifies_the_csr(world: World) -> None:
    path, _ = world.exported("openssl-csr")
    text = run("openssl", "req", "-in", path, "-noout", "-verify", "-text")
    assert "self-signature verify OK" in text
    assert "DNS:www.example.com, DNS:example.com, IP Address:127.0.0.1" in text
    assert run("openssl", "req", "-in", path, "-noout", "-pubkey") == public_key(world)
