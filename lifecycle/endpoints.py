"""From one certificate to the next where they are served: swap, and look at what is served at each address.

Nothing is believed that was not seen: as long as one address shows another certificate, the old one stays in service
and is watched. An endpoint that keeps showing it is an alarm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice

from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates.models import Certificate, Deployment
from certificates.service.export import bundle
from core.audit import Event, record
from core.commits import committing
from core.errors import DomainError, Unavailable
from core.failpoints import around
from core.jobs import LeaseLost
from core.queue import enqueue
from lifecycle.alarms import raise_alarm
from lifecycle.models import Endpoint, EndpointRotation
from pki.errors import PkiError
from plugins import network
from plugins.errors import Misconfigured, PluginError, Temporary
from plugins.handshake import serves
from plugins.network import Target
from plugins.starttls import PROTOCOLS
from plugins.values import FoundEndpoint
from stores import service as stores

AT_ONCE = 500
SECONDS = 5
"""For one address."""
MOST_ADDRESSES = 32
UNVERIFIED = "rotation-unverified"


def find_endpoint_rotations(*, now: datetime | None = None) -> int:
    """Write down which endpoints shall serve another certificate; how many are new.

    That is so once their certificate has a successor that has arrived wherever it must be.
    """
    now = now or clock()
    return sum(_write_down(endpoint, successor, now=now) for endpoint, successor in behind(now))


def behind(now: datetime) -> Iterator[tuple[Endpoint, Certificate]]:
    """Each endpoint whose certificate has such a successor, with that, unless that is written down already.

    Not those of the demo, which are nowhere.
    """
    replaced = Certificate.replaces.through.objects.values("to_certificate")
    rows = Endpoint.objects.filter(active=True, certificate__in=replaced, source__demo=False)
    found = rows.select_related("certificate").iterator(chunk_size=AT_ONCE)
    while some := list(islice(found, AT_ONCE)):
        successors = delivered_successors({one.certificate_id or 0 for one in some}, now=now)
        known = set(EndpointRotation.objects.filter(endpoint__in=some).values_list("endpoint", "certificate"))
        for endpoint in some:
            successor = successors.get(endpoint.certificate_id or 0)
            if successor is not None and (endpoint.pk, successor.pk) not in known:
                yield endpoint, successor


def delivered_successors(certificates: Collection[int], *, now: datetime) -> dict[int, Certificate]:
    """By the ids of these, of each the last of those that took its place one after the other.

    Only where that is valid and at all of its destinations. It takes a statement for each step of the longest way.
    """
    last: dict[int, int] = {}
    ways: dict[int, set[int]] = {pk: {pk} for pk in certificates}
    here = {pk: pk for pk in certificates}
    while here:
        follows = _following(set(here.values()), now=now)
        steps = {pk: follows[at] for pk, at in here.items() if at in follows}
        here = {pk: to for pk, to in steps.items() if to not in ways[pk]}
        for pk, to in here.items():
            ways[pk].add(to)
        last |= here
    waiting = Deployment.objects.filter(certificate__in=set(last.values())).exclude(state=Deployment.State.DONE)
    arrived = Certificate.objects.in_bulk(set(last.values()) - set(waiting.values_list("certificate", flat=True)))
    return {pk: arrived[to] for pk, to in last.items() if to in arrived}


def _following(certificates: set[int], *, now: datetime) -> dict[int, int]:
    """The newest valid one that took the place of each, by their ids."""
    valid = Certificate.objects.current(now).values("pk")
    rows = Certificate.replaces.through.objects.filter(to_certificate__in=certificates, from_certificate__in=valid)
    return dict(rows.order_by("from_certificate").values_list("to_certificate", "from_certificate"))


@committing("rotation.find")
def _write_down(endpoint: Endpoint, successor: Certificate, *, now: datetime) -> int:
    known = {"endpoint": endpoint, "certificate": successor}
    fresh = {"replaces": endpoint.certificate, "not_before": now}
    made, created = EndpointRotation.objects.get_or_create(**known, defaults=fresh)
    if created:
        enqueue("lifecycle.rotate_endpoint", made.pk)
    return int(created)


def due_rotations(now: datetime | None = None) -> list[int]:
    """Which a sweep must take up, the oldest first."""
    due = EndpointRotation.objects.due(now).filter(endpoint__active=True)
    return list(due.order_by("not_before").values_list("pk", flat=True)[:AT_ONCE])


def rotate_endpoint(rotation_id: int, *, now: datetime | None = None) -> bool:
    """Have one endpoint serve its new certificate, if it is due and nobody else does: was it seen doing so?

    What goes wrong stands in the row: it is tried again, ever less often; after the last time people are told.
    """
    now = now or clock()
    rows = EndpointRotation.objects.select_related("endpoint__source", "certificate", "replaces")
    rotation: EndpointRotation | None = rows.claim(rotation_id, now=now)
    if rotation is None:
        return False
    try:
        swap(rotation.endpoint, rotation.certificate)
        require_served(rotation.endpoint, rotation.certificate)
        _verified(rotation, now=now)
        return True
    except LeaseLost:
        return False
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _fail(rotation, error, now=now)
        return False


def swap(endpoint: Endpoint, certificate: Certificate) -> bool:
    """Where its source can, have it serve the certificate; the key goes with it, which is written down before."""
    if not stores.can_swap(endpoint.source):
        return False
    with committing("key.swap"):
        record(Event.KEY_DELIVERED, certificate, by=system_user(), endpoint=str(endpoint))
    return stores.swap(endpoint.source, found(endpoint), bundle(certificate, with_key=True))


def found(endpoint: Endpoint) -> FoundEndpoint:
    """As its source's plugin knows it."""
    return FoundEndpoint(
        host=endpoint.dnsname,
        port=endpoint.port,
        kind=endpoint.type,
        fingerprint=endpoint.certificate.fingerprint if endpoint.certificate else None,
        aliases=tuple(endpoint.dns_aliases),
        reference=endpoint.reference,
    )


def require_served(endpoint: Endpoint, certificate: Certificate) -> None:
    """Raises Temporary, naming the address, unless each address of the endpoint shows this certificate."""
    places = network.addresses(endpoint.dnsname)[:MOST_ADDRESSES]
    for address in places:
        with around("endpoint.look"):
            shown = _shows(endpoint, address, certificate)
        if not shown:
            raise Temporary(f"{endpoint} still serves another certificate at {address}.")


def _shows(endpoint: Endpoint, address: str, certificate: Certificate) -> bool:
    names = [endpoint.dnsname, *(name.replace("*", "www", 1) for name in certificate.facts.domains[:1])]
    try:
        return serves(
            address,
            endpoint.port,
            certificate.parsed,
            names=names,
            target=Target.FOUND,
            seconds=SECONDS,
            before=PROTOCOLS.get(endpoint.type),
        )
    except Temporary as error:
        raise Temporary(f"{endpoint} was not seen at {address}: {error}") from error


@committing("rotation.verified")
def _verified(rotation: EndpointRotation, *, now: datetime) -> None:
    rotation.succeed(verified_at=now)
    Endpoint.objects.filter(pk=rotation.endpoint_id).update(certificate=rotation.certificate)
    endpoint, new = str(rotation.endpoint), str(rotation.certificate)
    for one in filter(None, (rotation.certificate, rotation.replaces)):
        record(Event.ROTATION_VERIFIED, one, by=system_user(), endpoint=endpoint, certificate=new)


@committing("rotation.fail")
def _fail(rotation: EndpointRotation, error: Exception, *, now: datetime) -> None:
    """Again later, if somebody may put it right meanwhile; given up, it is an alarm."""
    again = isinstance(error, Temporary | Misconfigured | Unavailable)
    rotation.fail(str(error), permanent=not again, now=now)
    if rotation.state == EndpointRotation.State.FAILED:
        endpoint, system = str(rotation.endpoint), system_user()
        record(Event.ROTATION_FAILED, rotation.certificate, by=system, endpoint=endpoint, error=str(error))
        label, url, occasion = f"{endpoint}: {error}", rotation.get_absolute_url(), f"{rotation.pk}:{rotation.attempts}"
        certificate = rotation.certificate
        raise_alarm(UNVERIFIED, certificate, occasion=occasion, label=label, url=url, owner=certificate.owner)
