"""A small world with a row of every kind, for tests that send requests of every sort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from accounts import service as accounts
from authorities.models import Authority, DnsProvider, Profile
from certificates import service
from certificates.models import Deployment, Domain, RotationPolicy
from lifecycle.models import Brake, Endpoint, EndpointRotation, Finding, Sync
from notifications.models import Notice
from plugins import registry
from stores.models import Destination, Source
from tests import odd_dns, odd_stores
from tests.factories import a_certificate, an_order
from tests.notifying import OPTIONS, PLUGIN, a_notification
from tests.people import People

CIPHERS = {"name": "old", "ciphers": [{"name": "RC4-SHA", "deprecated": True}]}


@dataclass(frozen=True)
class World:
    """One row of each kind that the paths of the API lead to, by the path, and others to refer to."""

    rows: dict[str, Model]
    others: list[Model]


def furnish(people: People, root: Authority, issuing: Authority, monkeypatch: Any) -> World:
    """Everything hangs on a certificate of Alice's: names, a destination, a source, an endpoint, what it replaces."""
    odd_stores.register(monkeypatch)
    for slug, entry in odd_dns.ENTRIES.items():
        monkeypatch.setitem(registry.entries, slug, entry)
    key, _ = accounts.create_api_key(user=people.alice, name="deploy", days=30, read_only=False, by=people.alice)
    old = a_certificate(people.alice, issuing, cn="old.example.org")
    shop = a_certificate(people.alice, issuing, cn="www.example.org", replaces=[old], roles=[people.team])
    revoked = a_certificate(people.alice, issuing, cn="revoked.example.org")
    service.revoke(revoked, reason="superseded", comments="", force=False, by=people.alice)
    place = Destination.objects.create(label="web servers", plugin="odd-destination")
    scan = Source.objects.create(label="scan", plugin="odd-source")
    delivery = Deployment.objects.create(certificate=shop, destination=place)
    shop.sources.add(scan)
    endpoint = Endpoint.objects.create(
        name="front", dnsname="www.example.org", dns_aliases=["alias.example.org"], port=443, type="elb", policy=CIPHERS,
        source=scan, certificate=shop,
    )  # fmt: skip
    known = {
        "fingerprint": revoked.fingerprint,
        "certificate": revoked,
        "source": scan,
        "found_at": revoked.date_created,
    }
    rows: dict[str, Model] = {
        "certificates": shop,
        "authorities": issuing,
        "destinations": place,
        "sources": scan,
        "endpoints": endpoint,
        "keys": key,
        "users": people.alice,
        "roles": people.team,
        "domains": Domain.objects.get(name="www.example.org"),
        "notifications": a_notification(people.alice, label="web"),
        "notices": Notice.objects.earliest("pk"),  # that one was revoked
        "policies": RotationPolicy.objects.create(name="weekly", days=7),
        "dns_providers": DnsProvider.objects.create(name="dns", plugin="odd-dns"),
        "pending_certificates": an_order(
            people.alice, authority=issuing, common_name="next.example.org", owner="alice@example.org"
        ),
        "rotations": EndpointRotation.objects.create(endpoint=endpoint, certificate=shop, replaces=old, state="failed"),
        "{kind}": delivery,
        "brakes": Brake.objects.create(began_at=shop.date_created, due=100, allowed=25),
        "findings": Finding.objects.create(**known),
        "syncs": Sync.objects.create(source=scan),
        "profiles": Profile.objects.get(name="server"),
    }
    return World(rows, [old, root])


def narrowed(document: dict[str, Any], world: World) -> dict[str, Any]:
    """The same document of this world alone: no document can say which rows there are, and what plugins ask for."""
    components = document["components"]["schemas"]
    for row in (*world.rows.values(), *world.others):
        named = getattr(row, "name", None) or getattr(row, "label", None) or getattr(row, "username", None)
        kind = type(row).__name__
        if f"{kind}ById" in components:
            components[f"{kind}ById"] = {"enum": [{"id": row.pk}, {"id": str(row.pk)}]}
            components[f"{kind}ByName"] = {"enum": [{"name": named}]}
    for name, choices in CONFIGURED.items():
        field = "providerType" if name.startswith("Provider") else "plugin"
        components[name]["properties"][field] = {"enum": choices}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["schema"]["type"] == "integer":
                    parameter["schema"] = {"enum": [_row(path, parameter["name"], world).pk, 987654]}
    return document


def _row(path: str, parameter: str, world: World) -> Model:
    """The row that ``…/keys/{id}`` leads to."""
    return world.rows[path[: path.index(f"/{{{parameter}}}")].rpartition("/")[2]]


LISTED = [{"name": name, "value": value} for name, value in OPTIONS.items()]
PLACE = [{"slug": "odd-destination"}, {"slug": "odd-destination", "pluginOptions": {"place": "rack", "keyless": True}}]
SCAN = [{"slug": "odd-source"}, {"slug": "odd-source", "pluginOptions": [{"name": "token", "value": "s"}]}]
MAIL = [{"slug": PLUGIN, "pluginOptions": OPTIONS}, {"slug": PLUGIN, "pluginOptions": LISTED}]
FILE = [
    {"slug": "pem-export"},
    {"slug": "openssl-export", "pluginOptions": {"type": "PKCS12 (.p12)", "passphrase": "Horse@battery1"}},
]
ISSUER = [{"slug": "cryptography-issuer"}, {"slug": "cryptography-issuer", "pluginOptions": []}]
DNS = [{"slug": "odd-dns"}, {"name": "odd-dns", "requirements": {"account": "7"}}]
CONFIGURED = {
    "DestinationRequest": PLACE, "DestinationEdit": PLACE, "SourceRequest": SCAN, "SourceEdit": SCAN,
    "NotificationInput": MAIL, "NotificationEdit": MAIL, "ExportRequest": FILE, "Wrapped": FILE,
    "AuthorityRequest": ISSUER, "AuthorityImport": ISSUER, "ProviderInput": DNS, "ProviderEdit": DNS,
}  # fmt: skip
