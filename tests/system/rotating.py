"""A certificate with ten days left is renewed by itself: the scenario, for an installation and a CA of any kind.

A file that runs it has a class derived from :class:`RenewsItself` and a fixture ``world``, made by :func:`living`.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests import pki_material
from tests.pki_material import Pair
from tests.servers.accepting import accepting
from tests.servers.knot import Knot
from tests.servers.pebble import Pebble
from tests.servers.sftp import SftpServer
from tests.servers.smtp import MailServer
from tests.system.api import Api, Pages, first_password
from tests.system.installation import Installation, wait_until

HOST, OWNER = "www.example.org", "web@example.org"
SWEEPS = ("ORDERS", "REISSUE_DUE", "DEPLOYMENTS", "FIND_ENDPOINT_ROTATIONS", "ENDPOINT_ROTATIONS", "NOTICES")
PATIENCE = 600.0  # seconds, on a machine that does much else; it takes twenty
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
    """A running installation, its mail, the certificate that is to be renewed, and the port where it is served."""

    api: Api
    place: Installation
    mail: MailServer
    old: dict[str, Any]
    port: int


def settings(server: SftpServer, mail: MailServer) -> dict[str, str]:
    """What the environment of the installation must say besides."""
    return {
        "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
        "SOURCE_DIRECTORIES": str(server.files),
        **{f"SWEEP_{name}_SECONDS": "1" for name in SWEEPS},
    }


@contextmanager
def living(place: Installation, server: SftpServer, mail: MailServer, authority: int, old: Pair) -> Iterator[World]:
    """The certificate is taken over, delivered, and served by whoever reads what was delivered."""
    api = Api(place, first_password(place))
    row = take_over(api, server, authority, old)
    folder = server.files / HOST
    wait_until((folder / f"{HOST}.pem").exists, PATIENCE)
    with reloading(folder) as port:
        shell(place, AN_ENDPOINT.format(port=port, certificate=row["id"]))
        assert served(port) == api.get(f"certificates/{row['id']}")["fingerprint"]
        yield World(api, place, mail, row, port)


def connect(api: Api, names: Knot, pebbles: Pebble) -> int:
    """An ACME CA elsewhere, whose names are proved over DNS: its id."""
    kind = {"slug": "rfc2136-dns", "pluginOptions": names.options()}
    provider = api.post("dns_providers", name="Ours", providerType=kind)
    authority = api.post(
        "authorities", name="ACME", commonName="what the certificate says", owner="pki@example.org",
        plugin={"slug": "acme-issuer", "pluginOptions": pebbles.options()}, dnsProvider={"id": provider["id"]},
    )  # fmt: skip
    return int(authority["id"])


@contextmanager
def reloading(folder: Path) -> Iterator[int]:
    """A TLS server that reads certificate and key of that name anew for each connection, as if told to reload."""

    def answer(plain: socket.socket, _: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{folder.name}.pem", folder / f"{folder.name}.key")
        with context.wrap_socket(plain, server_side=True) as made:
            made.recv(1)

    with accepting(answer) as port:
        yield port


def shell(place: Installation, script: str) -> str:
    done = place.manage("shell", "--no-imports", "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def served(port: int) -> str:
    """The fingerprint of what a client is shown."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))).hexdigest()


def ca() -> Pair:
    """Made long ago, elsewhere."""
    key, now = pki_material.p256(), pki_material.now()
    made = pki_material.certificate(
        pki_material.name("Example CA"), key, extensions=pki_material.ca_extensions(key),
        not_before=now - timedelta(days=400), not_after=now + timedelta(days=3650),
    )  # fmt: skip
    return Pair(made, key)


def leaf(issuer: Pair, host: str = HOST) -> Pair:
    """Ninety days long, of which ten are left."""
    key, now = pki_material.p256(), pki_material.now()
    made = pki_material.certificate(
        pki_material.name(host), key, issuer, extensions=pki_material.leaf_extensions(issuer, [host]),
        not_before=now - timedelta(days=80), not_after=now + timedelta(days=10),
    )  # fmt: skip
    return Pair(made, key)


def take_over(api: Api, server: SftpServer, authority: int, pair: Pair) -> dict[str, Any]:
    """The certificate, where it is delivered to, and where it is looked for."""
    options = [{"name": name, "value": value} for name, value in server.options().items()]
    place = api.post(
        "destinations", label="web", description="", plugin={"slug": "sftp-destination", "pluginOptions": options}
    )
    api.post("sources", label="scan", plugin={"slug": "directory-source", "pluginOptions": {"path": str(server.files)}})
    made: dict[str, Any] = api.post(
        "certificates/upload", body=pair.pem, privateKey=pair.key_pem, owner=OWNER,
        authority={"id": authority}, destinations=[{"id": place["id"]}],
    )  # fmt: skip
    return made


class RenewsItself:
    """The tests, in their order."""

    def test_it_renews_itself(self, world: World) -> None:
        old = world.old["id"]
        world.api.post(f"certificates/{old}/update/switches", rotation=True)
        wait_until(lambda: not world.api.get(f"certificates/{old}")["rotation"], PATIENCE, every=1)
        [new] = world.api.get(f"certificates/{old}")["replacedBy"]
        new = world.api.get(f"certificates/{new['id']}")
        assert served(world.port) == new["fingerprint"]
        assert (new["owner"], new["rotation"], new["notify"]) == (OWNER, True, True)
        [rotation] = world.api.get("rotations")["items"]
        assert (rotation["state"], rotation["certificate"]["id"]) == ("done", new["id"])
        [endpoint] = world.api.get("endpoints")["items"]
        assert endpoint["certificate"]["id"] == new["id"]

    def test_the_owner_is_told_once(self, world: World) -> None:
        def told() -> list[str]:
            mails = [mail.message for mail in world.mail.received if mail.recipients == [OWNER]]
            return [str(mail["Subject"]) for mail in mails if "certificate rotated" in str(mail["Subject"])]

        wait_until(lambda: bool(told()), PATIENCE)
        assert len(told()) == 1

    def test_its_page_tells_it_all(self, world: World) -> None:
        """As a timeline, the newest first."""
        pages = Pages(world.place, first_password(world.place))
        happened = pages.events(f"/certificates/{world.old['id']}")
        assert happened[:3] == ["Certificate retired", "Certificate withdrawn", "Rotation verified"]
        [new] = world.api.get(f"certificates/{world.old['id']}")["replacedBy"]
        happened = pages.events(f"/certificates/{new['id']}")
        assert happened[0] == "Rotation verified"
        assert {"Certificate issued", "Key delivered", "Certificate deployed"} <= set(happened)

    def test_every_sweep_twice_changes_nothing(self, world: World) -> None:
        """Once all of them have run: those that run once an hour may have had something to do."""

        def sweep() -> None:
            shell(world.place, EVERY_SWEEP_TWICE)
            wait_until(lambda: {row["state"] for row in world.api.get("syncs")["items"]} == {"done"}, PATIENCE, every=1)

        sweep()
        before = shell(world.place, STATE)
        sweep()
        assert json.loads(shell(world.place, STATE)) == json.loads(before)

    def test_sweeps_say_when_they_ran(self, world: World) -> None:
        listed = world.place.manage("sweep").stdout
        assert "never" not in next(line for line in listed.splitlines() if line.startswith("lifecycle.reissue_due"))
        assert world.place.manage("sweep", "lifecycle.reissue_due", "--dry-run").stdout.endswith("would take up 0.\n")
