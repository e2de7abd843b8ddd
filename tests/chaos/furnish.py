"""What there is before anything breaks: authorities, destinations, a DNS provider, and certificates that shall be renewed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.chaos.ground import Ground
from tests.pki_material import Pair
from tests.system import rotating
from tests.system.api import Api, first_password
from tests.system.installation import wait_until

ENDPOINTS = """
from certificates.models import Certificate
from lifecycle.models import Endpoint
from stores.models import Source
for pk, port in {ports}.items():
    Endpoint.objects.create(
        name=str(port), dnsname="127.0.0.1", port=port, type="tls", source=Source.objects.get(),
        certificate=Certificate.objects.get(pk=pk),
    )
"""
A_KEY = """
from accounts.models import User
from accounts.service import create_api_key
user = User.objects.get(username="admin")
print(create_api_key(user=user, name="chaos", by=user)[1])
"""
PATIENCE = 600.0


@dataclass(frozen=True)
class Old:
    """A certificate that shall be renewed, and the label of where it is delivered to."""

    pk: int
    name: str
    place: str


@dataclass
class Furnished:
    """``issuer`` has its certificate and key here, so that whoever imports can make what it would have issued."""

    token: str
    issuer: Pair
    ours: int
    acme: int
    places: dict[str, int]
    old: list[Old] = field(default_factory=list)


def furnish(ground: Ground, stack: ExitStack, *, renewals: int, served: int) -> Furnished:
    """Through the API; of the certificates to be renewed, the first ``served`` are served by a TLS server each."""
    api, issuer = Api(ground.place, first_password(ground.place)), rotating.ca()
    taken = {"name": "Ours", "owner": "pki@example.org", "body": issuer.pem, "privateKey": issuer.key_pem}
    ours = int(api.post("authorities/import", **taken)["id"])
    token = rotating.shell(ground.place, A_KEY).strip()
    made = Furnished(token, issuer, ours, rotating.connect(api, ground.names, ground.ca), {})
    for label, slug, options in (
        ("directory", "directory-destination", {"path": str(ground.targets["directory"])}),
        ("sftp", "sftp-destination", ground.sftp.options()),
    ):
        plugin = {"slug": slug, "pluginOptions": options}
        made.places[label] = int(api.post("destinations", label=label, description="", plugin=plugin)["id"])
    path = {"path": str(ground.targets["directory"])}
    api.post("sources", label="scan", plugin={"slug": "directory-source", "pluginOptions": path})
    for number in range(renewals):
        made.old.append(_old(api, made, number))
    paths = [ground.targets[one.place] / one.name / f"{one.name}.pem" for one in made.old]
    wait_until(lambda: all(path.exists() for path in paths), PATIENCE)
    ports = {
        one.pk: stack.enter_context(rotating.reloading(ground.targets[one.place] / one.name))
        for one in made.old[:served]
    }
    rotating.shell(ground.place, ENDPOINTS.format(ports=ports))
    return made


def _old(api: Api, made: Furnished, number: int) -> Old:
    name, place = f"old{number}.example.org", ("directory", "sftp")[number % 2]
    pair = rotating.leaf(made.issuer, name)
    row = api.post(
        "certificates/upload", body=pair.pem, privateKey=pair.key_pem, owner=f"owner{number % 7}@example.org",
        authority={"id": made.ours}, destinations=[{"id": made.places[place]}],
    )  # fmt: skip
    return Old(int(row["id"]), name, place)
