"""The end of a certificate that was replaced: only once its successor is in its place everywhere, and seen there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from certificates.models import Certificate, CertificateQuerySet
from certificates.service import revoke
from certificates.service.deploying import hand_over
from core.audit import Event, about, record
from core.commits import committing
from core.errors import DomainError
from core.jobs import Job
from lifecycle.alarms import tell
from lifecycle.endpoints import delivered_successors
from lifecycle.models import EndpointRotation
from pki.errors import PkiError
from plugins.errors import PluginError
from plugins.values import FoundCertificate
from stores import service as stores
from stores.models import Source
from stores.permissions import source_permissions

CHUNK = 500
ROTATED = "certificate-rotated"


def retire_replaced(*, now: datetime | None = None) -> int:
    """What was replaced, delivered and verified renews itself no more; how many certificates that are.

    By their policy they are revoked, and removed from the sources that they were found at.
    """
    number = 0
    for certificate, successor in ready(now or clock()):
        _retire(certificate, successor)
        number += 1
    return number


def ready(now: datetime) -> Iterator[tuple[Certificate, Certificate]]:
    """Each that has nothing to do any more, with the successor that was delivered and is served."""
    found = retiring().iterator(chunk_size=CHUNK)
    while some := list(islice(found, CHUNK)):
        successors = delivered_successors({one.pk for one in some}, now=now)
        unseen = EndpointRotation.objects.filter(certificate__in=successors.values()).exclude(state=Job.State.DONE)
        busy = set(unseen.values_list("certificate", flat=True))
        for certificate in some:
            successor = successors.get(certificate.pk)
            if successor is not None and successor.pk not in busy:
                yield certificate, successor


def retiring() -> CertificateQuerySet:
    """Those that have a successor, of which nobody is told any more, and that no endpoint serves."""
    muted = Certificate.objects.renewing().filter(notify=False).already_replaced()
    return muted.exclude(endpoints__active=True).select_related("rotation_policy")


def _retire(certificate: Certificate, successor: Certificate) -> None:
    """Sources are cleaned first, so that the next sweep does the rest, whatever dies.

    To be revoked switches its renewal off, by which sweeps know it no more: that is written down with the rest.
    """
    policy, problems = certificate.rotation_policy, []
    if policy is not None and policy.cleans_old:
        problems += [
            problem
            for source in certificate.sources.all()
            if (problem := _clean(certificate, source, by=system_user()))
        ]
    retired = partial(_write_down, certificate, successor, problems)
    if policy is not None and policy.revokes_old:
        problems += filter(None, [_revoke(certificate, along=retired)])
    retired()


@committing("certificate.retire")
def _write_down(certificate: Certificate, successor: Certificate, problems: Sequence[str]) -> None:
    now = Certificate.objects.select_for_update().get(pk=certificate.pk)
    if not now.rotation and _is_retired(now):
        return  # another sweep was faster, or it is to be revoked
    Certificate.objects.filter(pk=certificate.pk).update(rotation=False, notify=False)
    hand_over(certificate, successor, by=system_user())
    system, name = system_user(), str(successor)
    record(Event.CERTIFICATE_RETIRED, certificate, by=system, successor=name, problems=problems)
    if successor.notify:
        label = f"{certificate} by {successor}"
        tell(ROTATED, successor, successor.owner, occasion=str(certificate.pk), label=label)


def _is_retired(certificate: Certificate) -> bool:
    """To be revoked by its policy switches its renewal off as well, so that this alone does not tell."""
    return about(certificate).filter(event=Event.CERTIFICATE_RETIRED).exists()


def _revoke(certificate: Certificate, *, along: Callable[[], None]) -> str:
    """Asks the endpoints once more. What is in the way, or ""."""
    try:
        revoke(certificate, "superseded", by=system_user(), along=along)
    except (PluginError, PkiError, DomainError) as error:
        return str(error)
    return ""


def clean_source(source: Source, certificates: Iterable[Certificate], *, by: User | None = None) -> list[str]:
    """Remove these from the source (contract 12.5); what was in the way, a sentence each."""
    by = acting(by)
    source_permissions.require(by, "change", source)
    return [problem for certificate in certificates if (problem := _clean(certificate, source, by=by))]


def _clean(certificate: Certificate, source: Source, *, by: User) -> str:
    """Remove it where that can be done, and forget that it is there. What is in the way, or ""."""
    found = FoundCertificate(certificate=certificate.parsed, name=certificate.name, external_id=certificate.external_id)
    try:
        if not stores.clean(source, found):
            return f"{source} cannot remove certificates."
    except (PluginError, PkiError, DomainError) as error:
        return f"{source}: {error}"
    with committing("source.cleaned"):
        certificate.sources.remove(source)
        record(Event.CERTIFICATE_CLEANED, certificate, by=by, source=str(source))
    return ""
