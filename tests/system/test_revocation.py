"""OpenSSL, which knows nothing of us, agrees about what is revoked: lists and OCSP of the product as it really runs."""

from __future__ import annotations

import base64
import http.client
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509

from tests.system.api import Api, first_password
from tests.system.installation import Installation, wait_until

pytestmark = pytest.mark.server("openssl")

HOST = "pki.example.org"


@dataclass
class World:
    """The running product, a root, an intermediate, and certificates of it: one good, one revoked, one on hold."""

    place: Installation
    api: Api
    directory: Path
    root: dict[str, Any] = field(default_factory=dict)
    lower: dict[str, Any] = field(default_factory=dict)

    def furnish(self) -> None:
        new = {"owner": "pki@example.org", "pkiBaseUrl": f"http://{HOST}"}
        self.root = self.api.post("authorities", name="Root", commonName="Root CA", **new)
        parent = {"type": "subca", "parent": {"name": "Root"}, "pathLength": 0}
        self.lower = self.api.post("authorities", name="Lower", commonName="Lower CA", **parent, **new)
        self.write("root.pem", self.root["body"])
        self.write("lower.pem", self.lower["body"])
        for name in ("good", "revoked", "held"):
            order = {"owner": "a@example.org", "commonName": f"{name}.example.org", "authority": {"name": "Lower"}}
            self.write(f"{name}.pem", (made := self.api.post("certificates", **order))["body"])
            setattr(self, name, made)
        self.revoke("revoked", "keyCompromise")
        self.revoke("held", "certificateHold")

    def revoke(self, name: str, reason: str) -> None:
        self.api.put(f"certificates/{getattr(self, name)['id']}/revoke", crlReason=reason)

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def fetch(self, address: str, body: bytes | None = None, host: str = HOST) -> bytes:
        """As a machine somewhere does: at the address in the certificate, which a proxy leads here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=10)
        headers = {"Host": host} | ({"Content-Type": "application/ocsp-request"} if body else {})
        connection.request("POST" if body else "GET", address, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, data[:500]
        return data

    def crls(self) -> Path:
        """Both lists as PEM, from where the certificates say."""
        texts = [
            self.openssl("crl", "-inform", "DER", "-in", str(self.write(f"{ca['id']}.crl", self.fetch(path))))
            for ca in (self.root, self.lower)
            if (path := f"/pki/{ca['id']}/ca.crl")
        ]
        return self.write("crls.pem", "".join(texts))

    def openssl(self, *arguments: str, ok: bool = True) -> str:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=self.directory, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr if not ok or arguments[0] == "ocsp" else done.stdout

    def verify(self, name: str, *, ok: bool) -> str:
        trust = ("-CAfile", "root.pem", "-untrusted", "lower.pem", "-CRLfile", str(self.crls()))
        return self.openssl("verify", "-crl_check_all", "-x509_strict", *trust, f"{name}.pem", ok=ok)

    def ocsp(self, *arguments: str, issuer: str = "lower") -> str:
        """Asks the responder; the answer must verify up to the root, through the delegated certificate."""
        where = f"http://127.0.0.1:{self.place.port}/pki/{getattr(self, issuer)['id']}/ocsp"
        trust = ("-CAfile", "root.pem", "-verify_other", "lower.pem")
        told = self.openssl(
            "ocsp", *_digest_first(arguments), "-issuer", f"{issuer}.pem", *_rest(arguments), "-url", where, *trust
        )
        assert "Response verify OK" in told, told
        return told


def _is_digest(argument: str) -> bool:
    return argument.startswith("-sha")


def _digest_first(arguments: tuple[str, ...]) -> list[str]:
    """OpenSSL uses a digest for the certificates that are named after it."""
    return [argument for argument in arguments if _is_digest(argument)]


def _rest(arguments: tuple[str, ...]) -> list[str]:
    return [argument for argument in arguments if not _is_digest(argument)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("revocation")
    place = Installation.prepared(directory / "home", PKI_ROOT=f"http://{HOST}", SWEEP_PUBLISH_CRLS_SECONDS="1")
    with place.running():
        world = World(place, Api(place, first_password(place)), directory)
        world.furnish()
        yield world


def test_certificates_say_where_to_look(world: World) -> None:
    text = world.openssl("x509", "-in", "good.pem", "-noout", "-text")
    for address in ("ca.crl", "ocsp", "ca.crt"):
        assert f"URI:http://{HOST}/pki/{world.lower['id']}/{address}" in text
    assert world.openssl("x509", "-in", "good.pem", "-noout", "-ocsp_uri").strip().endswith("/ocsp")
    assert f"/pki/{world.root['id']}/ca.crl" in world.openssl("x509", "-in", "lower.pem", "-noout", "-text")
    assert "URI:" not in world.openssl("x509", "-in", "root.pem", "-noout", "-text")


def test_the_issuer_is_found_by_its_address(world: World) -> None:
    der = world.fetch(f"/pki/{world.lower['id']}/ca.crt")
    assert x509.load_der_x509_certificate(der) == x509.load_pem_x509_certificate(world.lower["body"].encode())


def test_verify_with_lists(world: World) -> None:
    assert "good.pem: OK" in world.verify("good", ok=True)
    assert "certificate revoked" in world.verify("revoked", ok=False)
    assert "certificate revoked" in world.verify("held", ok=False)


def test_the_list_itself(world: World) -> None:
    world.crls()
    text = world.openssl(
        "crl", "-inform", "DER", "-in", f"{world.lower['id']}.crl", "-noout", "-text", "-CAfile", "lower.pem"
    )
    assert "Key Compromise" in text
    assert "Certificate Hold" in text
    assert "X509v3 CRL Number" in text


@pytest.mark.parametrize("digest", ["-sha1", "-sha256", "-sha384"])
@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_ocsp(world: World, digest: str, nonce: str) -> None:
    for name, status in (("good", "good"), ("revoked", "revoked"), ("held", "revoked")):
        told = world.ocsp(digest, "-cert", f"{name}.pem", nonce)
        assert f"{name}.pem: {status}" in told
        assert "no nonce in response" not in told
        assert "Next Update" in told
    assert "Reason: keyCompromise" in world.ocsp(digest, "-cert", "revoked.pem", nonce)
    assert "0x1234: unknown" in world.ocsp(digest, "-serial", "0x1234", nonce)


def test_ocsp_about_the_intermediate(world: World) -> None:
    assert "lower.pem: good" in world.ocsp("-cert", "lower.pem", issuer="root")


def test_ocsp_by_get(world: World) -> None:
    for name, status in (("good", "good"), ("revoked", "revoked")):
        world.openssl("ocsp", "-issuer", "lower.pem", "-cert", f"{name}.pem", "-no_nonce", "-reqout", "request.der")
        request = (world.directory / "request.der").read_bytes()
        place = f"/pki/{world.lower['id']}/ocsp"
        escaped = quote(base64.b64encode(request).decode(), safe="")
        for answer in (world.fetch(f"{place}/{escaped}"), world.fetch(place, request)):
            world.write("answer.der", answer)
            told = world.openssl(
                "ocsp", "-respin", "answer.der", "-issuer", "lower.pem", "-cert", f"{name}.pem",
                "-CAfile", "root.pem", "-verify_other", "lower.pem",
            )  # fmt: skip
            assert "Response verify OK" in told
            assert f"{name}.pem: {status}" in told


def test_of_another_ca_it_says_nothing(world: World) -> None:
    where = f"http://127.0.0.1:{world.place.port}/pki/{world.lower['id']}/ocsp"
    told = world.openssl(
        "ocsp", "-issuer", "root.pem", "-cert", "lower.pem", "-url", where, "-CAfile", "root.pem", ok=False
    )
    assert "unauthorized" in told


def test_the_end_of_a_hold(world: World) -> None:
    world.revoke("held", "removeFromCRL")
    assert "held.pem: OK" in world.verify("held", ok=True)
    assert "held.pem: good" in world.ocsp("-cert", "held.pem")


def test_what_was_left_undone_the_worker_does(world: World) -> None:
    """The ledger says so, and nobody has published it: as after a crash between the two."""
    order = {"owner": "a@example.org", "commonName": "late.example.org", "authority": {"name": "Lower"}}
    world.write("late.pem", (made := world.api.post("certificates", **order))["body"])
    code = (
        "from authorities import ledger; from authorities.models import Authority; from django.utils import timezone; "
        f"ledger.revoke(Authority.objects.get(name='Lower'), '{made['serial']}', reason='superseded', at=timezone.now())"
    )
    assert world.place.manage("shell", "-c", code).returncode == 0
    serial = int(made["serial"])

    def listed() -> bool:
        crl = x509.load_der_x509_crl(world.fetch(f"/pki/{world.lower['id']}/ca.crl"))
        return crl.get_revoked_certificate_by_serial_number(serial) is not None

    wait_until(listed, 30)
    assert "certificate revoked" in world.verify("late", ok=False)
