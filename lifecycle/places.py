"""Where certificates are in use: the endpoints that serve them, and the destinations that have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.db.models import Exists, OuterRef, Q

from certificates.models import Certificate, CertificateQuerySet, Deployment
from certificates.models.certificate import Status
from lifecycle.models import Endpoint


def of(certificates: Collection[int]) -> dict[int, Sequence[str]]:
    """By the id of each of these that is in use: its endpoints, then its destinations, as people call them."""
    found: dict[int, list[str]] = defaultdict(list)
    served = Endpoint.objects.filter(certificate__in=certificates, active=True).order_by("dnsname", "port")
    for certificate, host, port in served.values_list("certificate", "dnsname", "port"):
        found[certificate].append(f"{host}:{port}")
    delivered = Deployment.objects.filter(certificate__in=certificates, state=Deployment.State.DONE)
    labels = delivered.order_by("destination__label").values_list("certificate", "destination__label")
    for certificate, label in labels:
        found[certificate].append(label)
    return dict(found)


def unwatched() -> CertificateQuerySet:
    """Served by an endpoint, though nobody would hear of their end: muted or replaced."""
    served = Endpoint.objects.filter(certificate=OuterRef("pk"), active=True)
    rows = Certificate.objects.present().filter(demo=False, root_authority=None).exclude(status=Status.REVOKED)
    return rows.filter(Exists(served)).with_replaced().filter(Q(notify=False) | Q(was_replaced=True))
