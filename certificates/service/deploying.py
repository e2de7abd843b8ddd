"""Delivering: what shall be at a destination is a row before anybody talks to it; here it is carried out.

No transaction is open while a destination is at work. Whatever dies, the row is due again when its lease runs out, and
delivering twice is the same as once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from certificates.models import Certificate, Deployment
from certificates.models.certificate import Status
from certificates.permissions import permissions
from certificates.service.export import bundle
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, DomainError, Invalid, Precondition, Unavailable
from core.jobs import LeaseLost
from pki.errors import PkiError
from plugins.errors import Misconfigured, PluginError, Temporary
from plugins.values import Bundle
from stores import service as stores
from stores.models import Destination
from stores.permissions import destination_permissions

AT_ONCE = 500
FITTING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def due_deployments(now: datetime | None = None) -> list[int]:
    """Which deployments a sweep must take up, the oldest first; not those of destinations that are switched off."""
    due = Deployment.objects.due(now).filter(destination__active=True)
    return list(due.order_by("not_before").values_list("pk", flat=True)[:AT_ONCE])


def deploy(deployment_id: int, *, now: datetime | None = None) -> bool:
    """Deliver one certificate, if it is due and nobody else does: is it there now?

    What goes wrong stands in the row: it is tried again, ever less often, unless that is hopeless.
    """
    now = now or clock()
    rows = Deployment.objects.select_related("certificate", "destination")
    if not rows.filter(pk=deployment_id, destination__active=True).exists():
        return False
    deployment = rows.claim(deployment_id, now=now)
    if deployment is None:
        return False
    try:
        _deliver(deployment, now=now)
    except LeaseLost:  # withdrawn, or taken over by another worker
        return False
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _fail(deployment, error, now=now)
        return False
    return True


def _deliver(deployment: Deployment, *, now: datetime) -> None:
    certificate, destination = deployment.certificate, deployment.destination
    _require_current(certificate, now=now)
    with_key = destination.open().needs_key
    require_deliverable(certificate, [destination])
    _require_own_place(deployment, now=now)
    stores.upload(destination, _parcel(certificate, destination, with_key=with_key))
    _succeed(deployment)


def _require_current(certificate: Certificate, *, now: datetime) -> None:
    """Nobody is served by a certificate that is over."""
    if certificate.not_after <= now:
        raise Precondition("The certificate has expired; it is not delivered any more.")
    if certificate.status == Status.REVOKED or certificate.deleted:
        state = "deleted" if certificate.deleted else "revoked"
        raise Precondition(f"The certificate was {state}; it is not delivered any more.")


def _parcel(certificate: Certificate, destination: Destination, *, with_key: bool) -> Bundle:
    """What the destination gets. That the key leaves is written down before it is opened."""
    if with_key:
        with committing("key.deliver"):
            record(Event.KEY_DELIVERED, certificate, by=system_user(), destination=destination.label)
    return replace(bundle(certificate, with_key=with_key), name=delivery_name(certificate))


def delivery_name(certificate: Certificate) -> str:
    """What it is called at a destination: after its common name, so that its successor takes the same place.

    ``*.example.org`` becomes ``WILDCARD.example.org``, as in the names of certificates.
    """
    for name in ((certificate.cn or "").lower().replace("*", "WILDCARD"), certificate.name):
        if FITTING.fullmatch(name):
            return name
    return certificate.fingerprint


def _require_own_place(deployment: Deployment, *, now: datetime) -> None:
    """Another certificate that is in use there under this name gives way to its successor alone. Raises Conflict."""
    certificate, destination = deployment.certificate, deployment.destination
    others = (
        Certificate.objects.current(now)
        .filter(deployments__destination=destination, deployments__state=Deployment.State.DONE)
        .filter(cn__iexact=certificate.cn or "")
        .exclude(fingerprint=certificate.fingerprint)
    )
    before = _predecessors(certificate) if others else set()
    for other in others:
        if other.pk not in before and delivery_name(other) == delivery_name(certificate):
            raise Conflict(
                f"{destination} holds {other} under the name {delivery_name(other)}. Say that this certificate "
                "replaces it, or take that one away from there; then try again."
            )


def _predecessors(certificate: Certificate) -> set[int]:
    """Everything that it replaces, and what that had replaced."""
    found: set[int] = set()
    todo = {certificate.pk}
    while todo:
        older = set(Certificate.objects.filter(replaced__in=todo).values_list("pk", flat=True))
        todo = older - found
        found |= older
    return found


@committing("deployment.succeed")
def _succeed(deployment: Deployment) -> None:
    deployment.succeed(deployed_at=clock())
    label = deployment.destination.label
    record(Event.CERTIFICATE_DEPLOYED, deployment.certificate, by=system_user(), destination=label)


@committing("deployment.fail")
def _fail(deployment: Deployment, error: Exception, *, now: datetime) -> None:
    """Again later, if somebody may put it right meanwhile."""
    again = isinstance(error, Temporary | Misconfigured | Unavailable)
    deployment.fail(str(error), permanent=not again, now=now)
    if deployment.state == Deployment.State.FAILED:
        certificate, label = deployment.certificate, deployment.destination.label
        record(Event.DEPLOYMENT_FAILED, certificate, by=system_user(), destination=label, error=str(error))


def require_deliverable(certificate: Certificate, destinations: Iterable[Destination]) -> None:
    """Whoever attaches destinations asks this first. Invalid: one needs a private key that there is not for it."""
    for destination in destinations:
        if not _needs_key(destination):
            continue
        if certificate.root_authority_id is not None:
            raise Invalid(f"Unable to add destination: {destination.label}. The key of an authority never leaves.")
        if certificate.private_key is None:
            raise Invalid(
                f"Unable to add destination: {destination.label}. Certificate does not have required private key."
            )


def _needs_key(destination: Destination) -> bool:
    try:
        return bool(destination.open().needs_key)
    except DomainError:  # what it needs will be known once it works again
        return True


def refuse_duplicate_destinations(destinations: Iterable[Destination]) -> None:
    """Contract 6.15: one destination for each plugin and account, unless the plugin allows several. Raises Invalid."""
    seen: dict[tuple[str, str], int] = {}
    for destination in destinations:
        account = destination.options.get("accountNumber")
        if account is None or _allows_several(destination):
            continue
        first = seen.setdefault((destination.plugin, str(account)), destination.pk)
        if first != destination.pk:
            raise Invalid(
                f"Duplicate destinations for plugin {destination.plugin} and account {account} are not allowed"
            )


def _allows_several(destination: Destination) -> bool:
    try:
        return bool(getattr(destination.plugin_class, "several_per_account", False))
    except Unavailable:
        return False


@committing("deployment.retry")
def deliver_again(destination: Destination, *, by: User | None = None, now: datetime | None = None) -> int:
    """Whatever was given up at this destination is due again; how many that are."""
    by = acting(by)
    destination_permissions.require(by, "change", destination)
    failed = destination.deployments.filter(state=Deployment.State.FAILED)
    count: int = failed.update(state=Deployment.State.WAITING, failures=0, not_before=now or clock())
    record(Event.DESTINATION_RETRIED, destination, by=by, deployments=count)
    return count


def remove_from_destination(certificate: Certificate, destination: Destination, *, by: User | None = None) -> None:
    """Take it away from there, as far as the plugin can, and forget that it should be there.

    Invalid, in Lemur's words, if the destination refuses or does not answer; then nothing has changed here.
    """
    by = acting(by)
    permissions.require(by, "change", certificate, message="You are not authorized to update this certificate")
    deployments = Deployment.objects.filter(certificate=certificate, destination=destination)
    if deployments.filter(deployed_at__isnull=False).exists():
        try:
            stores.remove(destination, replace(bundle(certificate, with_key=False), name=delivery_name(certificate)))
        except (PluginError, PkiError, DomainError) as error:
            raise Invalid(f"Failed to remove destination: {destination.label}. {error}") from error
    with committing("deployment.remove"):
        deployments.delete()
        record(Event.CERTIFICATE_WITHDRAWN, certificate, by=by, destination=destination.label)


@committing("destination.withdraw")
def withdraw(destination: Destination, *, by: User | None = None) -> None:
    """Delete a destination, and that certificates shall be there. What lies there stays."""
    by = acting(by)
    destination_permissions.require(by, "delete", destination)
    for deployment in destination.deployments.select_related("certificate").iterator():
        record(Event.CERTIFICATE_WITHDRAWN, deployment.certificate, by=by, destination=destination.label)
    stores.delete(destination, by=by)
