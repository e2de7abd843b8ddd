"""Where the demo's certificates are: a web server and a network that nobody ever connects to.

Both are switched off and bear addresses that are nobody's (RFC 5737); sweeps leave the demo's endpoints alone. So what
stands here as delivered and as seen is as invented as the company.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509

from accounts.models import User
from certificates import service
from certificates.models import Certificate, Deployment
from core.audit import Event, record
from core.errors import DomainError
from lifecycle.checking import compare
from lifecycle.models import Endpoint, Finding
from lifecycle.sighting import DESCRIPTION, Tally, see
from plugins.values import FoundEndpoint
from stores import service as stores
from stores.models import Destination, Source

MACHINE, NETWORK, PORT = "192.0.2.10", "192.0.2.0/27", 443
INVENTED = "Invented with the rest of the company: switched off, so that nobody connects to it."
DELIVERED = ("www", "git", "*.internal")
SERVED = {
    "www": ("www", "shop", "checkout"),
    "vpn": ("vpn", "vpn-fallback.warehouse-north"),
    "notebooks": ("notebooks",),
    "kafka-1": ("kafka-1",),
    "registry": ("registry",),
}
BEHIND, INSTEAD = "registry", "build-agent"
"""Which of them shows another one than it should, and which that is."""
STRANGER = "label-printer"
"""Shown by a machine that nobody had told us of."""


def load(domain: str, stranger: str, *, by: User, now: datetime) -> None:
    """After the certificates, which are found by their names in ``domain``. ``stranger``: PEM of one more."""
    _deliver((_certificate(name, domain) for name in DELIVERED), by=by, now=now)
    source = _source(by)
    for name, hosts in SERVED.items():
        served = _certificate(name, domain).parsed
        for host in hosts:
            _see(source, f"{host}.{domain}", served, now=now)
    _find(source, f"{STRANGER}.{domain}", stranger, owner=f"warehouse@{domain}", by=by, now=now)
    Endpoint.objects.filter(source=source).update(checked_at=now)
    _leave_behind(domain, by=by)


def _certificate(name: str, domain: str) -> Certificate:
    """The newest of this name."""
    of_the_demo = Certificate.objects.filter(cn=f"{name}.{domain}", owner__endswith=f"@{domain}")
    found: Certificate | None = of_the_demo.order_by("-pk").first()
    if found is None:
        raise DomainError(f"The demo has no certificate for {name}.")
    return found


def _deliver(certificates: Iterable[Certificate], *, by: User, now: datetime) -> None:
    """Written down as done, and nobody is nudged: no worker delivers to what is switched off."""
    destination = stores.create(
        Destination,
        label="reverse-proxy-1",
        plugin="sftp-destination",
        description=f"In front of everything that people see. {INVENTED}",
        options={
            "host": MACHINE,
            "user": "deploy",
            "hostKey": f"SHA256:{secrets.token_hex(21)}0",
            "password": secrets.token_urlsafe(),
        },
        active=False,
        by=by,
    )
    Destination.objects.filter(pk=destination.pk).update(demo=True)
    done = {"state": Deployment.State.DONE, "attempts": 1, "deployed_at": now - timedelta(days=1)}
    for certificate in certificates:
        Deployment.objects.create(certificate=certificate, destination=destination, **done)
        record(Event.CERTIFICATE_DEPLOYED, certificate, by=by, destination=destination.label)


def _source(by: User) -> Source:
    source = stores.create(
        Source,
        label="Machine room",
        plugin="tls-source",
        description=INVENTED,
        options={"hosts": NETWORK, "ports": str(PORT)},
        active=False,
        by=by,
    )
    Source.objects.filter(pk=source.pk).update(demo=True, last_run=None)
    return source


def _see(source: Source, host: str, served: x509.Certificate, *, now: datetime) -> None:
    see(source, FoundEndpoint(host=host, port=PORT, certificate=served), Tally(), now=now)


def _find(source: Source, host: str, pem: str, *, owner: str, by: User, now: datetime) -> None:
    """A certificate that came in by itself, of which nobody has said whose it is."""
    found = service.import_certificate(by=by, body=pem, owner=owner, description=DESCRIPTION, sources=[source])
    Finding.objects.create(
        fingerprint=found.fingerprint, certificate=found, source=source, where=f"{host}:{PORT}", found_at=now
    )
    _see(source, host, found.parsed, now=now)


def _leave_behind(domain: str, *, by: User) -> None:
    """One endpoint serves something else than we know of it."""
    host, certificate = f"{BEHIND}.{domain}", _certificate(BEHIND, domain)
    other = _certificate(INSTEAD, domain).parsed
    problems = [f"{MACHINE} {problem}" for problem in compare(certificate, [other])]
    Endpoint.objects.filter(dnsname=host, source__demo=True).update(problems=problems)
    record(Event.ENDPOINT_CHECKED, certificate, by=by, endpoint=f"{host}:{PORT}", problems=problems)
