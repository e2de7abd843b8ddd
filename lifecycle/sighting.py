"""What is written down of one thing that a source showed: a certificate, or an endpoint that serves one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography import x509
from django.conf import settings
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates.models import Certificate, Deployment
from certificates.service import import_certificate
from core.audit import Event, record
from core.commits import committing
from core.errors import DomainError
from core.jobs import LEASE
from lifecycle.models import Endpoint, Finding
from pki import chains, inspection
from pki.errors import PkiError
from pki.names import printable
from plugins.values import FoundCertificate, FoundEndpoint
from stores.models import Source

DESCRIPTION = "This certificate was automatically discovered by Lemur"
LONGEST_HOST = 255
LONGEST_REFERENCE = 512

log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """What has been seen so far: columns of Sync."""

    seen: int = 0
    added: int = 0
    linked: int = 0
    refused: int = 0
    unlinked: int = 0
    endpoints: int = 0


def take_in(source: Source, found: FoundCertificate, tally: Tally) -> set[int]:
    """A certificate that is there: known ones are linked, a new one is imported once. Returns the ids of its rows.

    One that cannot be taken in is counted, and logged. Its private key, where the source has that, stays there.
    """
    tally.seen += 1
    try:
        fingerprint = inspection.fingerprint(found.certificate)
        known = list(Certificate.objects.filter(fingerprint=fingerprint).without_texts())
        if known:  # also if somebody has deleted it
            present = [certificate for certificate in known if not certificate.deleted]
            tally.linked += sum(_link(certificate, source) for certificate in present)
            return {certificate.pk for certificate in present}
        made = _take_in(source, found, fingerprint, now=clock())
    except (PkiError, DomainError) as error:
        tally.refused += 1
        log.warning("source.certificate_refused", source=source.pk, where=printable(found.where), reason=str(error))
        return set()
    tally.added += len(made)
    return made


def _take_in(source: Source, found: FoundCertificate, fingerprint: str, *, now: datetime) -> set[int]:
    """Nothing, if another source brings it in at this moment: then it is linked the next time."""
    finding = _claim(source, fingerprint, found.where, now=now)
    if finding is None:
        return set()
    made = _import(source, found)
    _keep(finding, made)
    return {made.pk}


@committing("finding.claim")
def _claim(source: Source, fingerprint: str, where: str, *, now: datetime) -> Finding | None:
    """Who writes it down first brings it in; who dies before that is done loses it."""
    about = {"source": source, "where": printable(where)[:LONGEST_REFERENCE], "found_at": now}
    finding, created = Finding.objects.get_or_create(fingerprint=fingerprint, defaults=about)
    left = Finding.objects.filter(pk=finding.pk, certificate=None, found_at__lte=now - LEASE)
    return finding if created or left.update(found_at=now) else None


@committing("finding.keep")
def _keep(finding: Finding, made: Certificate) -> None:
    Finding.objects.filter(pk=finding.pk).update(certificate=made)


def _import(source: Source, found: FoundCertificate) -> Certificate:
    """The security team's, until somebody says whose it is; without such a team nobody is told of its end."""
    team = settings.LEMUR_SECURITY_TEAM_EMAIL
    return import_certificate(
        by=system_user(),
        body=inspection.pem(found.certificate),
        chain="".join(map(inspection.pem, chains.order(found.certificate, found.chain))),
        owner=team[0] if team else system_user().email,
        notify=bool(team),
        description=DESCRIPTION,
        sources=[source],
    )


def _link(certificate: Certificate, source: Source) -> bool:
    """False if it was linked already."""
    if certificate.sources.filter(pk=source.pk).exists():
        return False
    with committing("source.link"):
        certificate.sources.add(source)
        record(Event.CERTIFICATE_FOUND, certificate, by=system_user(), source=str(source))
    return True


def unlink(source: Source, here: set[int], tally: Tally) -> None:
    """What the source does not have any more: unlinked from it, and from the destination of the same name."""
    for certificate in _gone(source, here):
        with committing("source.unlink"):
            certificate.sources.remove(source)
            delivered = certificate.deployments.filter(destination__label=source.label, state=Deployment.State.DONE)
            delivered.delete()
            record(Event.CERTIFICATE_VANISHED, certificate, by=system_user(), source=str(source))
        tally.unlinked += 1


def _gone(source: Source, here: set[int]) -> Iterator[Certificate]:
    """Read at once, since what is read is about to change."""
    linked = set(source.certificates.values_list("pk", flat=True))
    for pk in sorted(linked - here):
        yield from Certificate.objects.filter(pk=pk).without_texts()


def see(source: Source, found: FoundEndpoint, tally: Tally, *, now: datetime) -> set[int]:
    """An endpoint, which is known by host and port; with it comes the certificate that it serves, if that is new.

    Returns the ids of the rows of that certificate. Of a host with several addresses the first one counts here.
    """
    served = set() if found.certificate is None else take_in(source, _with_it(found, found.certificate), tally)
    if found.certificate is None and found.fingerprint:
        served = set(Certificate.objects.present().filter(fingerprint=found.fingerprint).values_list("pk", flat=True))
    key: dict[str, Any] = {"source": source, "dnsname": printable(found.host)[:LONGEST_HOST], "port": found.port}
    if not Endpoint.objects.filter(**key, last_updated__gte=now).exists():
        tally.endpoints += 1
        _write_down(key, found, min(served, default=None))
    return served


def _with_it(found: FoundEndpoint, certificate: x509.Certificate) -> FoundCertificate:
    return FoundCertificate(certificate=certificate, chain=found.chain, where=f"{found.host}:{found.port}")


@committing("endpoint.see")
def _write_down(key: dict[str, Any], found: FoundEndpoint, certificate_id: int | None) -> None:
    """It is an event of the certificate where it was not seen there before. Whether it is active, people say."""
    before = Endpoint.objects.filter(**key).values_list("certificate", flat=True).first()
    ciphers = [{"name": printable(name), "deprecated": False} for name in found.ciphers]
    policy = printable(found.policy)
    seen = {
        "type": printable(found.kind)[:64],
        "dns_aliases": [printable(alias) for alias in found.aliases],
        "policy": {"name": policy, "ciphers": ciphers} if policy or ciphers else {},
        "reference": found.reference[:LONGEST_REFERENCE],
        "certificate_id": certificate_id,
    }
    endpoint, _ = Endpoint.objects.update_or_create(
        **key, defaults=seen, create_defaults={**seen, "name": key["dnsname"]}
    )
    if endpoint.certificate is not None and certificate_id != before:
        record(Event.ENDPOINT_SEEN, endpoint.certificate, by=system_user(), endpoint=str(endpoint))


def forget_endpoints(source: Source, *, now: datetime) -> None:
    """Those that it has not shown for ENDPOINT_TTL_HOURS are no more."""
    since = now - timedelta(hours=settings.ENDPOINT_TTL_HOURS)
    for endpoint in list(source.endpoints.filter(last_updated__lt=since).select_related("certificate")):
        with committing("endpoint.forget"):
            record(Event.ENDPOINT_FORGOTTEN, endpoint.certificate or endpoint, by=system_user(), endpoint=str(endpoint))
            endpoint.delete()
