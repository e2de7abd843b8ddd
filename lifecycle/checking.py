"""Is what endpoints serve what we know of them: the certificate, its chain and the order of that, at each address?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from django.db.models import F, Q
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates.models import Certificate
from core.audit import Event, record
from core.commits import committing
from core.failpoints import around
from lifecycle.models import Endpoint
from pki import chains, inspection
from pki.errors import PkiError
from pki.names import printable
from plugins import network
from plugins.errors import PluginError
from plugins.handshake import look
from plugins.network import Target
from plugins.starttls import PROTOCOLS

EVERY = timedelta(hours=1)
AT_ONCE = 5_000
MOST_ADDRESSES = 32
SECONDS = 5


def due_endpoints(now: datetime | None = None) -> list[int]:
    """Those that nobody has looked at for an hour, the ones that wait longest first. Behind the demo's is nobody."""
    now = now or clock()
    stale = Q(checked_at=None) | Q(checked_at__lte=now - EVERY * 0.9)
    rows = Endpoint.objects.filter(stale, active=True, certificate__isnull=False, source__demo=False)
    return list(rows.order_by(F("checked_at").asc(nulls_first=True)).values_list("pk", flat=True)[:AT_ONCE])


def check_endpoint(endpoint_id: int, *, now: datetime | None = None) -> list[str]:
    """Look at one endpoint, and write down what is wrong there: sentences, none where all is well."""
    now = now or clock()
    endpoint = Endpoint.objects.select_related("certificate").filter(pk=endpoint_id, active=True).first()
    if endpoint is None or endpoint.certificate is None:
        return []
    try:
        places = network.addresses(endpoint.dnsname)[:MOST_ADDRESSES]
        problems = [problem for place in places for problem in _problems(endpoint, endpoint.certificate, place)]
    except PluginError as error:
        problems = [str(error)]
    problems = [printable(problem) for problem in problems]
    _write_down(endpoint, problems, now=now)
    return problems


def _problems(endpoint: Endpoint, certificate: Certificate, address: str) -> Iterator[str]:
    try:
        with around("endpoint.check"):
            shown = look(
                address,
                endpoint.port,
                name=_name(endpoint, certificate),
                target=Target.FOUND,
                seconds=SECONDS,
                before=PROTOCOLS.get(endpoint.type),
            )
        served = [x509.load_der_x509_certificate(der) for der in shown.certificates]
        yield from (f"{address} {problem}" for problem in compare(certificate, served))
    except (PluginError, PkiError, ValueError) as error:
        yield f"{address}: {error}"


def _name(endpoint: Endpoint, certificate: Certificate) -> str | None:
    """What clients ask for: an address is no name."""
    if any(character.isalpha() for character in endpoint.dnsname) and ":" not in endpoint.dnsname:
        return endpoint.dnsname
    return next((name.replace("*", "www", 1) for name in certificate.facts.domains), None)


def compare(certificate: Certificate, served: Sequence[x509.Certificate]) -> Iterator[str]:
    """What is wrong with what is served, where this certificate should be."""
    leaf, *sent = served
    if inspection.fingerprint(leaf) != certificate.fingerprint:
        yield f"serves another certificate, {chains.label(leaf)}, until {leaf.not_valid_after_utc:%Y-%m-%d}."
        return
    missing = [one for one in chains.without_root(certificate.issuers) if one not in sent]
    yield from (f"does not send the intermediate {chains.label(one)}." for one in missing)
    if not missing and any(not chains.is_signed_by(*pair) for pair in zip(served, sent, strict=False)):
        yield "sends its chain in the wrong order."


@committing("endpoint.checked")
def _write_down(endpoint: Endpoint, problems: list[str], *, now: datetime) -> None:
    """An event only where something has changed."""
    Endpoint.objects.filter(pk=endpoint.pk).update(problems=problems, checked_at=now)
    if problems != endpoint.problems and endpoint.certificate is not None:
        certificate, system = endpoint.certificate, system_user()
        record(Event.ENDPOINT_CHECKED, certificate, by=system, endpoint=str(endpoint), problems=problems)
