"""Whether a certificate may take its place at a destination: what is there under its name already, and whose that is.

Of two installations that deliver to one place, or of an installation and a person, neither must undo the other's work
again and again: what somebody else has put there stays until a person has looked.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.db.models import Q, Value
from django.db.models.functions import Upper

from certificates.models import Certificate, Deployment
from core.audit import Event, about
from core.errors import Conflict
from pki.inspection import Facts, serial_hex
from pki.names import printable
from stores import service as stores

FITTING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def delivery_name(certificate: Certificate) -> str:
    """What it is called at a destination: after its common name, so that its successor takes the same place.

    ``*.example.org`` becomes ``WILDCARD.example.org``, as in the names of certificates.
    """
    for name in ((certificate.cn or "").lower().replace("*", "WILDCARD"), certificate.name):
        if FITTING.fullmatch(name):
            return name
    return certificate.fingerprint


def neighbours(deployment: Deployment) -> list[Deployment]:
    """What else shall be there under this name."""
    certificate, name = deployment.certificate, delivery_name(deployment.certificate)
    rows = Deployment.objects.filter(destination=deployment.destination).select_related("certificate")
    # Compared as the index has it, so that a destination may hold any number.
    same = rows.alias(cn=Upper("certificate__cn")).filter(cn=Upper(Value(certificate.cn or "")))
    others = same.exclude(certificate__fingerprint=certificate.fingerprint)
    return [one for one in others if delivery_name(one.certificate) == name]


def require_own_place(deployment: Deployment, others: list[Deployment], *, now: datetime) -> None:
    """Another certificate that is in use there under this name gives way to its successor alone. Raises Conflict.

    ``others`` are its :func:`neighbours`.
    """
    certificate, destination = deployment.certificate, deployment.destination
    others = [one for one in others if one.certificate.is_current(now)]
    there = {other.certificate_id for other in others}
    before = _related(certificate, "replaced__in", among=there)
    after = _related(certificate, "replaces__in", among=there - before)
    for other in others:
        if other.certificate_id in after:
            raise Conflict(f"{other.certificate} replaces this certificate, and takes its place at {destination}.")
        if other.state == Deployment.State.DONE and other.certificate_id not in before:
            raise Conflict(
                f"{destination} holds {other.certificate} under the name {delivery_name(certificate)}. Say that this "
                "certificate replaces it, or take that one away from there; then try again."
            )


def require_nobody_elses(deployment: Deployment, *, now: datetime, instead: Certificate | None = None) -> None:
    """What lies there is ours, or of no use to anybody, or from before our time. Conflict says what it is otherwise.

    Of two installations one stops, whoever comes first; and who goes on because a person said so stops the other one.
    ``instead``: what is put there, if it is not the certificate of the deployment.
    """
    certificate = instead or deployment.certificate
    there = stores.shown(deployment.destination, delivery_name(certificate))
    if there is None or there.not_after <= now or there.self_signed:  # it makes place for what can be trusted
        return
    if _is_ours(there, certificate) or _is_from_before(there, deployment):
        return
    raise Conflict(
        f"Somebody else has put a certificate there under the name {delivery_name(certificate)}: {_described(there)}. "
        "Find out who; if it may go, remove it there, or import it and say that this certificate replaces it; then "
        "try again."
    )


def _is_from_before(there: Facts, deployment: Deployment) -> bool:
    """Nothing was ever delivered there from here, and it is older than the first that was to be.

    So a successor does not take what its predecessor had to leave alone.
    """
    wanted = [deployment, *neighbours(deployment)]
    if any(one.deployed_at is not None for one in wanted) or _was_there(deployment):
        return False
    return there.not_before < min(one.certificate.not_before for one in wanted)


def _was_there(deployment: Deployment) -> bool:
    """Of what was taken away there is no row any more, but the audit log knows; also of others that had to stop."""
    certificate, label = deployment.certificate, deployment.destination.label
    named = Certificate.objects.alias(alike=Upper("cn")).filter(alike=Upper(Value(certificate.cn or "")))
    name, mine = delivery_name(certificate), Q(target_id=str(certificate.pk))
    alike = [one for one in named.exclude(pk=certificate.pk) if delivery_name(one) == name]
    said = about(certificate, *alike).filter(details__destination=label)
    came, stopped = Q(event=Event.CERTIFICATE_DEPLOYED), Q(event=Event.DEPLOYMENT_FAILED)
    return said.filter(came | (stopped & ~mine)).exists()


def _is_ours(there: Facts, certificate: Certificate) -> bool:
    """It was issued here, has its key here, was to be delivered from here; or somebody said that this one replaces it.

    That a source has found it says nothing.
    """
    rows = Certificate.objects.filter(fingerprint=there.fingerprint)
    known = set(rows.values_list("pk", flat=True))
    from_here = Q(authority__isnull=False) | Q(private_key__isnull=False) | Q(deployments__isnull=False)
    return rows.filter(from_here).exists() or bool(_related(certificate, "replaced__in", among=known))


def _described(there: Facts) -> str:
    subject, issuer = printable(there.subject), printable(there.issuer_name)
    return f"{subject}, serial number {serial_hex(there.serial)}, issued by {issuer} on {there.not_before:%Y-%m-%d}"


def _related(certificate: Certificate, by: str, *, among: set[int]) -> set[int]:
    """Which of these it replaces, or those had replaced (``replaced__in``); or which came after it (``replaces__in``).

    Step by step, until none is left to be found: nearly always the first step finds the only one.
    """
    seen: set[int] = set()
    todo = {certificate.pk}
    while todo and not among <= seen:
        todo = set(Certificate.objects.filter(**{by: todo}).values_list("pk", flat=True)) - seen
        seen |= todo
    return among & seen
