"""What happens by itself, verb by verb: how a process carries each out, and what the audit log says of it then.

Each entry: what is done, the events, and how many rows of which table were there before its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.timezone import now as clock

from accounts.models import User
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate, Deployment, RotationPolicy, Suggestion
from certificates.service import renewing
from certificates.service.export import bundle
from certificates.service.occupied import delivery_name
from core.audit import Event
from lifecycle import budgets, checking, discovery, endpoints, retiring, revocation, rotation, sighting, triage, undoing
from lifecycle.models import Brake, Endpoint, EndpointRotation, Finding, Sync
from lifecycle.sighting import Tally
from pki.revocation import Status, Verdict
from plugins import FoundEndpoint, Permanent, RenewalWindow
from plugins.handshake import Look
from stores import service as stores
from stores.models import Destination, Source
from tests import pki_material
from tests.factories import a_certificate
from tests.odd_endpoints import KeepingDestination
from tests.odd_issuer import SuggestingCa

OLD = "renewed.example.org"
DAY = timedelta(days=1)


def furnish() -> None:
    """A certificate with its successor, endpoints that can be swapped and that cannot, and a CA that suggests."""
    alice, root = User.objects.get(username="alice"), User.objects.get(username="root")
    old = a_certificate(alice, Authority.objects.get(name="Root"), cn=OLD, rotation=True)
    service.reissue_certificate(old, replace=True, user=alice)
    balancer = stores.create(Source, label="balancer", plugin="balancer-source", by=root)
    plain = stores.create(Source, label="plain", plugin="seeing-source", by=root)
    old.sources.add(balancer)
    for source in (balancer, plain):
        Endpoint.objects.create(
            name=source.label, dnsname="127.0.0.1", port=9, type="tls", source=source, certificate=old
        )
    stores.create(Destination, label="keeping", plugin="keeping-destination", by=root)
    leaf, suggesting = (
        pki_material.material().leaf_with(names=["suggested.example.org"]),
        Authority.objects.get(name=SuggestingCa.slug),
    )
    policy = service.create_policy(name="by the CA", days=30, follows_ca=True, by=root)
    service.upload(
        by=root, body=leaf.pem, owner=alice.email, authority=suggesting, rotation=True, rotation_policy=policy
    )


def _root() -> User:
    return User.objects.get(username="root")


def _old() -> Certificate:
    return Certificate.objects.get(cn=OLD, replaced__isnull=False)


def _new() -> Certificate:
    return Certificate.objects.get(cn=OLD, replaces__isnull=False)


def _source(label: str = "balancer") -> Source:
    return Source.objects.get(label=label)


def _endpoint(label: str = "balancer") -> Endpoint:
    return Endpoint.objects.select_related("source", "certificate").get(name=label)


def _suggestion() -> Suggestion:
    return Suggestion.objects.create(certificate=Certificate.objects.get(authority__name=SuggestingCa.slug))


def _suggest() -> None:
    SuggestingCa.window = RenewalWindow(start=clock(), end=clock() + DAY)
    service.ask_for_window(_suggestion().pk)


def _brake() -> Brake:
    return Brake.objects.create(began_at=clock(), due=100, allowed=25)


def _rotation(label: str = "plain", **fields: Any) -> EndpointRotation:
    return EndpointRotation.objects.create(endpoint=_endpoint(label), certificate=_new(), replaces=_old(), **fields)


def _rotate() -> None:
    with patch("lifecycle.endpoints.serves", return_value=True):
        endpoints.rotate_endpoint(_rotation().pk)


def _roll_back() -> None:
    """Where the destination has kept the pair before."""
    place, old, new = Destination.objects.get(label="keeping"), _old(), _new()
    Deployment.objects.create(certificate=new, destination=place, state=Deployment.State.DONE)
    name = delivery_name(new)
    KeepingDestination.held_by[name] = bundle(new, with_key=False)
    KeepingDestination.kept[name] = bundle(old, with_key=False)
    undoing.roll_back(_rotation(state="failed"), by=_root())


def _sync(label: str = "plain") -> Sync:
    return Sync.objects.create(source=_source(label))


def _finding() -> Finding:
    return Finding.objects.create(fingerprint="ab" * 32, source=_source(), found_at=clock())


def _see() -> None:
    key = {"source": _source(), "dnsname": "new.example.org", "port": 443}
    sighting._write_down(key, FoundEndpoint(host="new.example.org", port=443), _new().pk)


def _check_endpoint() -> None:
    served = Look((_new().parsed.public_bytes(Encoding.DER),), "TLSv1.3", "")
    with patch("lifecycle.checking.look", return_value=served):
        checking.check_endpoint(_endpoint().pk)


def _check_status() -> None:
    with patch("certificates.verify.verdict", return_value=Verdict(Status.REVOKED, "OCSP", "keyCompromise")):
        revocation.check([_new().pk])


SUGGESTION, BRAKE = {"certificates_suggestion": 1}, {"lifecycle_brake": 1}
ROTATION, SYNC, FINDING = {"lifecycle_endpointrotation": 1}, {"lifecycle_sync": 1}, {"lifecycle_finding": 1}

VERBS: dict[str, tuple[Callable[[], object], tuple[Event, ...], Mapping[str, int]]] = {
    "brake.end": (lambda: budgets._end(_brake(), now=clock()), (), BRAKE),
    "brake.pull": (lambda: budgets._pull(9, allowed=5, now=clock()), (Event.RENEWALS_HELD,), {}),
    "brake.release": (lambda: budgets.release(_brake(), by=_root()), (Event.RENEWALS_RELEASED,), BRAKE),
    "budget.open": (lambda: budgets._open(budgets._hour(clock()), now=clock()), (), {}),
    "budget.take": (
        lambda: budgets.take(Authority.objects.get(name="Root"), now=clock()), (), {"lifecycle_spent": 1}
    ),
    "certificate.retire": (lambda: retiring._retire(_old(), _new()), (Event.CERTIFICATE_RETIRED,), {}),
    "endpoint.checked": (_check_endpoint, (Event.ENDPOINT_CHECKED,), {}),
    "endpoint.forget": (
        lambda: sighting.forget_endpoints(_source(), now=clock() + DAY), (Event.ENDPOINT_FORGOTTEN,), {}
    ),
    "endpoint.see": (_see, (Event.ENDPOINT_SEEN,), {}),
    "finding.claim": (lambda: sighting._claim(_source(), "ab" * 32, "there", now=clock()), (), {}),
    "finding.decide": (lambda: triage.dismiss(_finding(), by=_root()), (Event.FINDING_DISMISSED,), FINDING),
    "finding.keep": (lambda: sighting._keep(_finding(), _old()), (), FINDING),
    "renewal.begin": (lambda: rotation._put_off(_old(), now=clock()), (), {}),
    "renewal.failed": (lambda: rotation._failed(_old(), Permanent("no"), now=clock()), (Event.RENEWAL_FAILED,), {}),
    "renewal.forget": (lambda: renewing._forget(RotationPolicy.objects.get(name="default")), (), {}),
    "renewal.settle": (lambda: renewing._settle_some(now=clock()), (), {}),
    "revocation.checked": (_check_status, (Event.CERTIFICATE_FOUND_REVOKED,), {}),
    "rotation.fail": (
        lambda: endpoints._fail(_rotation(), Permanent("no"), now=clock()), (Event.ROTATION_FAILED,), ROTATION
    ),
    "rotation.find": (lambda: endpoints._write_down(_endpoint(), _new(), now=clock()), (), {}),
    "rotation.not-rolled-back": (
        lambda: undoing._not_rolled_back(_rotation(), Permanent("no")), (Event.ROTATION_FAILED,), ROTATION
    ),
    "rotation.retry": (
        lambda: undoing.retry(_rotation(state="failed"), by=_root()), (Event.ROTATION_RETRIED,), ROTATION
    ),
    "rotation.roll-back": (
        _roll_back, (Event.ROTATION_ROLLED_BACK,) * 2, {**ROTATION, "certificates_deployment": 1}
    ),
    "rotation.verified": (_rotate, (Event.ROTATION_VERIFIED,) * 2, ROTATION),
    "source.cleaned": (lambda: retiring.clean_source(_source(), [_old()], by=_root()), (Event.CERTIFICATE_CLEANED,), {}),
    "source.link": (lambda: sighting._link(_new(), _source()), (Event.CERTIFICATE_FOUND,), {}),
    "source.unlink": (lambda: sighting.unlink(_source(), set(), Tally()), (Event.CERTIFICATE_VANISHED,), {}),
    "suggestion.keep": (_suggest, (Event.RENEWAL_SUGGESTED,), SUGGESTION),
    "suggestion.put-off": (
        lambda: renewing._put_off(_suggestion(), Permanent("no"), now=clock()), (), SUGGESTION
    ),
    "suggestion.rest": (lambda: renewing._rest(_suggestion()), (), SUGGESTION),
    "sync.arm": (lambda: discovery._arm(_source(), by=None, now=clock()), (), {}),
    "sync.cancel": (lambda: discovery.cancel(_sync(), by=_root()), (Event.SOURCE_SYNC_CANCELLED,), SYNC),
    "sync.finish": (lambda: discovery.sync(_sync().pk), (), SYNC),
    "sync.give-up": (lambda: discovery._give_up(_sync(), Permanent("no")), (), SYNC),
}  # fmt: skip
# After its commit, the endpoint is swapped.
SWAP = (lambda: endpoints.swap(_endpoint(), _new()), (Event.KEY_DELIVERED,))
CALLS = {
    "destination.roll-back": ("rotation.roll-back",),
    "endpoint.check": ("endpoint.checked",),
    "endpoint.look": ("rotation.verified",),
    "endpoint.swap": ("key.swap",),
    "revocation.check": ("revocation.checked",),
    "source.clean": ("source.cleaned",),
    "source.endpoints": ("sync.finish",),
    "source.list": ("sync.finish",),
    "suggestion.ask": ("suggestion.keep",),
}
