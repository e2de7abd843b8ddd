"""From `bin/up` alone: a certificate with ten days left is renewed, delivered over SFTP, seen being served, and retired."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import pki_material
from tests.pki_material import Pair
from tests.servers.sftp import SftpServer, sftp_server
from tests.servers.smtp import MailServer, mail_server
from tests.system.api import Api, first_password
from tests.system.installation import Installation, wait_until

pytestmark = pytest.mark.server("sshd")

HOST, OWNER = "www.example.com", "web@example.com"
SOON = "1"
SWEEPS = ("REISSUE_DUE", "DEPLOYMENTS", "FIND_ENDPOINT_ROTATIONS", "ENDPOINT_ROTATIONS", "NOTICES")
AN_ENDPOINT = """
from certificates.models import Certificate
from lifecycle.models import Endpoint
from stores.models import Source
Endpoint.objects.create(
    name="www", dnsname="127.0.0.1", port={port}, type="tls", source=Source.objects.get(),
    certificate=Certificate.objects.get(pk={certificate}),
)
"""
EVERY_SWEEP_TWICE = """
from lemur_site.celery import app
from lemur_site.schedule import PERIODS
app.loader.import_default_modules()
for name in PERIODS:
    app.tasks[name](), app.tasks[name]()
"""
STATE = """
import json
from certificates.models import Certificate, Deployment, Order
from core.models import AuditEntry
from lifecycle.models import EndpointRotation
from notifications.models import Notice
kinds = (AuditEntry, Certificate, Deployment, EndpointRotation, Notice, Order)
print(json.dumps({one.__name__: list(one.objects.order_by("pk").values_list("pk", flat=True)) for one in kinds}))
"""


@dataclass(frozen=True)
class World:
    api: Api
    place: Installation
    mail: MailServer
    old: dict[str, Any]
    port: int


@contextmanager
def reloading(folder: Path) -> Iterator[int]:
    """A TLS server that reads certificate and key anew for each connection, as one does that is told to reload."""

    def answer(plain: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{HOST}.pem", folder / f"{HOST}.key")
        with context.wrap_socket(plain, server_side=True) as made:
            made.recv(1)

    def run() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, suppress(OSError):
                answer(plain)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]


def shell(place: Installation, script: str) -> str:
    done = place.manage("shell", "--no-imports", "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def served(port: int) -> str:
    """The fingerprint of what a client is shown."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))).hexdigest()


def ca() -> Pair:
    """Made long ago, elsewhere, and taken over."""
    key, now = pki_material.p256(), pki_material.now()
    made = pki_material.certificate(
        pki_material.name("Example CA"), key, extensions=pki_material.ca_extensions(key),
        not_before=now - timedelta(days=400), not_after=now + timedelta(days=3650),
    )  # fmt: skip
    return Pair(made, key)


def leaf(issuer: Pair) -> Pair:
    """Ninety days long, of which ten are left."""
    key, now = pki_material.p256(), pki_material.now()
    made = pki_material.certificate(
        pki_material.name(HOST), key, issuer, extensions=pki_material.leaf_extensions(issuer, [HOST]),
        not_before=now - timedelta(days=80), not_after=now + timedelta(days=10),
    )  # fmt: skip
    return Pair(made, key)


def take_over(api: Api, server: SftpServer) -> dict[str, Any]:
    """The CA, the certificate, and where it is delivered to."""
    issuer = ca()
    pair = leaf(issuer)
    authority = api.post(
        "authorities/import", name="Ours", owner="pki@example.com", body=issuer.pem, privateKey=issuer.key_pem
    )
    options = [{"name": name, "value": value} for name, value in server.options().items()]
    place = api.post(
        "destinations", label="web", description="", plugin={"slug": "sftp-destination", "pluginOptions": options}
    )
    api.post("sources", label="scan", plugin={"slug": "directory-source", "pluginOptions": {"path": str(server.files)}})
    made: dict[str, Any] = api.post(
        "certificates/upload", body=pair.pem, privateKey=pair.key_pem, chain=issuer.pem, owner=OWNER,
        authority={"id": authority["id"]}, destinations=[{"id": place["id"]}],
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("rotation")
    with sftp_server() as server, mail_server(home) as mail:
        often = {f"SWEEP_{name}_SECONDS": SOON for name in SWEEPS}
        place = Installation.prepared(
            home / "home", OUTBOUND_ALLOW="127.0.0.0/8", EMAIL_URL=f"smtp://127.0.0.1:{mail.port}",
            SOURCE_DIRECTORIES=str(server.files), **often,
        )  # fmt: skip
        with place.running():
            api = Api(place, first_password(place))
            old = take_over(api, server)
            folder = server.files / HOST
            wait_until((folder / f"{HOST}.pem").exists)
            with reloading(folder) as port:
                shell(place, AN_ENDPOINT.format(port=port, certificate=old["id"]))
                assert served(port) == api.get(f"certificates/{old['id']}")["fingerprint"]
                yield World(api, place, mail, old, port)


def test_it_renews_itself(world: World) -> None:
    old = world.old["id"]
    world.api.post(f"certificates/{old}/update/switches", rotation=True)
    wait_until(lambda: not world.api.get(f"certificates/{old}")["rotation"], 120)
    [new] = world.api.get(f"certificates/{old}")["replacedBy"]
    new = world.api.get(f"certificates/{new['id']}")
    assert served(world.port) == new["fingerprint"]
    assert (new["owner"], new["rotation"], new["notify"]) == (OWNER, True, True)
    [rotation] = world.api.get("rotations")["items"]
    assert (rotation["state"], rotation["certificate"]["id"]) == ("done", new["id"])
    [endpoint] = world.api.get("endpoints")["items"]
    assert endpoint["certificate"]["id"] == new["id"]


def test_the_owner_is_told_once(world: World) -> None:
    def told() -> list[str]:
        mails = [mail.message for mail in world.mail.received if mail.recipients == [OWNER]]
        return [str(mail["Subject"]) for mail in mails if "certificate rotated" in str(mail["Subject"])]

    wait_until(lambda: bool(told()))
    assert len(told()) == 1


def test_its_page_tells_it_all(world: World) -> None:
    script = (
        "from certificates.models import Certificate; from core.audit import about; import json; "
        f"print(json.dumps([entry.event for entry in about(Certificate.objects.get(pk={world.old['id']}))]))"
    )
    events = json.loads(shell(world.place, script))
    assert events[:3] == ["certificate.retired", "certificate.withdrawn", "rotation.verified"]


def test_every_sweep_twice_changes_nothing(world: World) -> None:
    """Once all of them have run: those that run once an hour may have had something to do."""

    def sweep() -> None:
        shell(world.place, EVERY_SWEEP_TWICE)
        wait_until(lambda: {row["state"] for row in world.api.get("syncs")["items"]} == {"done"})

    sweep()
    before = shell(world.place, STATE)
    sweep()
    assert shell(world.place, STATE) == before


def test_sweeps_say_when_they_ran(world: World) -> None:
    listed = world.place.manage("sweep").stdout
    assert "never" not in next(line for line in listed.splitlines() if line.startswith("lifecycle.reissue_due"))
    assert world.place.manage("sweep", "lifecycle.reissue_due", "--dry-run").stdout.endswith("would take up 0.\n")
