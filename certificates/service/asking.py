"""Do endpoints serve a certificate at this moment? They are asked, all at once and for a few seconds, as clients would.

Over the network, and therefore never within a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from django.conf import settings

from certificates.models import Certificate
from core.failpoints import around
from plugins.errors import PluginError
from plugins.handshake import serves
from plugins.network import Target
from plugins.starttls import PROTOCOLS

AT_ONCE = 8
MOST = 40  # that are asked; more take too long


@dataclass(frozen=True)
class Sighting:
    """``serves`` None: that could not be found out now, and why; then ``last_seen`` is all that is known."""

    endpoint: str
    last_seen: datetime
    serves: bool | None = None
    problem: str = ""

    def __str__(self) -> str:
        if self.serves is not None:
            return self.endpoint
        return f"{self.endpoint} (last seen there {self.last_seen:%Y-%m-%d %H:%M} UTC; {self.problem})"


def is_attached_to_endpoint(certificate_name: str, endpoint_name: str) -> bool:
    """Does the endpoint serve this certificate? It is asked; if that cannot be, what was seen last counts."""
    certificate = Certificate.objects.filter(name=certificate_name).first()
    if certificate is None:
        return False
    return any(one.serves is not False for one in look([certificate], name=endpoint_name))


def look(certificates: Iterable[Certificate], *, ask: bool = True, **narrowed: Any) -> list[Sighting]:
    """The active endpoints that were last seen serving one of these, and whether they do now, unless ``ask`` is off."""
    seen = [
        (endpoint, certificate.parsed, _names(certificate))
        for certificate in certificates
        for endpoint in certificate.endpoints.filter(active=True, **narrowed)
    ]
    seconds = settings.ASK_ENDPOINTS_SECONDS if ask else 0
    if seconds <= 0:
        return [_unasked(endpoint, "it was not asked") for endpoint, _, _ in seen]
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    asked = [pool.submit(_ask, *about, seconds) for about in seen[:MOST]]
    wait(asked, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)  # a look-up of a name cannot be cut short
    return [
        *(_answered(endpoint, answer) for (endpoint, *_), answer in zip(seen, asked, strict=False)),
        *(_unasked(endpoint, f"only {MOST} are asked at once") for endpoint, *_ in seen[MOST:]),
    ]


def _names(certificate: Certificate) -> list[str]:
    """What clients ask for that are meant to see it: one name is enough."""
    return [name.replace("*", "www", 1) for name in certificate.facts.domains[:1]]


def _ask(endpoint: Any, certificate: x509.Certificate, names: Sequence[str], seconds: float) -> Sighting:
    asked = [endpoint.dnsname, *names]
    try:
        with around("endpoint.ask"):
            found = serves(
                endpoint.dnsname,
                endpoint.port,
                certificate,
                names=asked,
                target=Target.FOUND,
                seconds=seconds,
                before=PROTOCOLS.get(endpoint.type),
            )
    except PluginError as error:
        return _unasked(endpoint, str(error).rstrip("."))
    return Sighting(str(endpoint), endpoint.last_updated, found)


def _answered(endpoint: Any, answer: Future[Sighting]) -> Sighting:
    if not answer.done() or answer.cancelled():
        return _unasked(endpoint, "it did not answer in time")
    return answer.result()


def _unasked(endpoint: Any, problem: str) -> Sighting:
    return Sighting(str(endpoint), endpoint.last_updated, None, problem)
