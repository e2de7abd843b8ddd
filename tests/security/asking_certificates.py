"""What requests around certificates bear on: orders, domains, endpoints, DNS providers, and what hangs on a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authorities.models import DnsProvider
from certificates.models import Batch, Domain, RotationPolicy
from lifecycle.jobs.kinds import KINDS
from lifecycle.models import Brake, Endpoint, EndpointRotation, Finding, Sync
from stores.models import Destination, Source
from tests.security.world import World

Body = dict[str, Any]
UNKNOWN = 987654321
SETTINGS = {"deletion": {"ALLOW_CERT_DELETION": True}}

BODIES: dict[str, Callable[[World], Body]] = {
    "POST /api/1/certificates/{}": lambda world: {"rotation": True},
    "POST /api/1/certificates/{}/update/switches": lambda world: {"notify": False},
    "PUT /api/1/certificates/{}/update/switches": lambda world: {"description": "changed"},
    "POST /api/1/certificates/{}/update/owner": lambda world: {"owner": "charlie@example.org"},
    "PUT /api/1/certificates/{}/description": lambda world: {"description": "changed"},
    "POST /api/1/certificates/{}/reissue": lambda world: {"replace": True},
    "GET /api/1/certificates/valid": lambda world: {"filter": "cn;%"},
    "GET /api/1/certificates/stats": lambda world: {"metric": "bits"},
    "PUT /api/1/pending_certificates/{}": lambda world: {"description": "wanted"},
    "POST /api/1/pending_certificates/{}/upload": lambda world: {"body": world.issued[world.orders["own"].pk]},
    "DELETE /api/1/pending_certificates/{}": lambda world: {"note": "not wanted"},
    "POST /api/1/domains": lambda world: {"name": "new.example.org"},
    "PUT /api/1/domains/{}": lambda world: {"sensitive": True},
    "POST /api/1/dns_providers": lambda world: {"name": "new", "providerType": {"slug": "route53"}},
    "PUT /api/1/dns_providers/{}": lambda world: {"description": "changed"},
    "POST /certificates/many": lambda world: {"verb": "notify", "id": [world.certificates["own"].pk]},
    "POST /domains/new": lambda world: {"name": "new.example.org"},
    "POST /domains/{}/mark": lambda world: {"sensitive": "on"},
    "POST /api/1/findings/{}/assign": lambda world: {"owner": "bob@example.org"},
    "POST /found/{}/assign": lambda world: {"owner": "bob@example.org"},
    "POST /api/1/syncs": lambda world: {"source": {"id": Source.objects.earliest("pk").pk}},
    "POST /certificates/{}/reissue": lambda world: {"replace": "on"},
}


def id_of(before: str, word: str, person: str, world: World) -> Any:
    """The id or name that stands for a word in braces; None for addresses of others."""
    if before.endswith(("pending_certificates/", "certificates/orders/")):
        return UNKNOWN if word == "unknown" else world.order(word, person).pk
    if "/jobs/" in before:
        return _of_a_job(before.partition("/jobs/")[2].rstrip("/"), word)
    if before.endswith("batches/"):
        return UNKNOWN if word == "unknown" else Batch.objects.earliest("pk").pk
    if before.endswith("certificates/name/"):
        return world.certificates["own"].name
    models = {
        "domains/": Domain, "endpoints/": Endpoint, "dns_providers/": DnsProvider, "rotations/": EndpointRotation,
        "brakes/": Brake, "findings/": Finding, "found/": Finding, "syncs/": Sync,
    }  # fmt: skip
    for end, model in models.items():
        if before.endswith(end):
            return UNKNOWN if word == "unknown" else model._default_manager.earliest("pk").pk
    return None


def _of_a_job(kind: str, word: str) -> Any:
    """The kind itself, which comes first; then the id of a job of that kind."""
    if not kind:
        return word
    return UNKNOWN if word == "unknown" else KINDS[kind].model._default_manager.earliest("pk").pk


def body_of(address: str, person: str, world: World) -> Body:
    """What was issued for the order that an upload is about."""
    if "pending_certificates" not in address and "certificates/orders" not in address:
        return {}
    if not address.endswith("/upload"):
        return {}
    word = address.partition("{")[2].partition("}")[0]
    return {"body": world.issued[world.order(word, person).pk] if word != "unknown" else "x"}


def reference(name: str, word: str, person: str, world: World) -> Body:
    """What a part of the "with" column puts into the body."""
    match name:
        case "destinations":
            return {name: [Destination.objects.earliest("pk").pk]}
        case "notifications":
            return {name: [world.notifications[word].pk]}
        case "rotationPolicy":
            return {name: RotationPolicy.objects.exclude(name="default").earliest("pk").pk}
        case "tags":
            return {name: [word]}
        case "older":
            return {"replaces": world.certificate(word, person).name}
        case _:
            return {"sensitive": True}
