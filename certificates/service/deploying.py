"""Delivering: what shall be at a destination is a row before anybody talks to it; here it is carried out.

No transaction is open while a destination is at work. Whatever dies, the row is due again when its lease runs out, and
delivering twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from certificates.models import Certificate, Deployment
from certificates.models.certificate import Status
from certificates.models.revocation import revoked_for_good
from certificates.permissions import permissions
from certificates.service.export import bundle
from certificates.service.occupied import delivery_name, neighbours, require_nobody_elses, require_own_place
from core.audit import Event, record
from core.commits import committing
from core.connectors import lock
from core.errors import Conflict, DomainError, Invalid, Precondition, Unavailable
from core.jobs import NOTHING_TO_RETRY, LeaseLost
from core.queue import enqueue
from pki.errors import PkiError
from plugins.errors import Misconfigured, PluginError, Temporary
from plugins.values import Bundle
from stores import service as stores
from stores.models import Destination
from stores.permissions import destination_permissions

AT_ONCE = 500
NEXT_TURN = timedelta(seconds=30)
DELIVERING = "It is being delivered there at this moment; try again in a minute."


def due_deployments(now: datetime | None = None) -> list[int]:
    """Which deployments a sweep must take up, the oldest first; not those of destinations that are switched off."""
    due = Deployment.objects.due(now).in_turn()
    return list(due.order_by("not_before").values_list("pk", flat=True)[:AT_ONCE])


def deploy(deployment_id: int, *, now: datetime | None = None) -> bool:
    """Deliver one certificate, if it is due and nobody else does: is it there now? A revoked one is taken away.

    What goes wrong stands in the row: it is tried again, ever less often, unless that is hopeless.
    """
    now = now or clock()
    rows = Deployment.objects.select_related("certificate", "destination")
    if not rows.in_turn().filter(pk=deployment_id).exists():
        return False
    deployment = rows.claim(deployment_id, now=now)
    if deployment is None:
        return False
    others = neighbours(deployment)
    if _gives_way(deployment, others, now=now):
        return False
    try:
        return _carry_out(deployment, others, now=now)
    except LeaseLost:  # withdrawn, or taken over by another worker
        return False
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _fail(deployment, error, now=now)
        return False


def _carry_out(deployment: Deployment, others: list[Deployment], *, now: datetime) -> bool:
    """Put it there, or take it away: is it there now?"""
    if not _shall_leave(deployment):
        _deliver(deployment, others, now=now)
        return True
    tried = deployment.attempts > 1 or deployment.deployed_at is not None  # this attempt is counted already
    _remove(deployment, tried=tried, by=system_user())
    return False


def _gives_way(deployment: Deployment, others: list[Deployment], *, now: datetime) -> bool:
    """Is another one put there under this name just now? Then it is not our turn yet.

    Each says that it is at work before it looks, so that no two are at work there; the later upload is the later turn.
    """
    if not any(one.is_at_work(now) for one in others):
        return False
    _postpone(deployment, now + NEXT_TURN + timedelta(seconds=deployment.pk % 30))
    return True


@committing("deployment.postpone")
def _postpone(deployment: Deployment, until: datetime) -> None:
    """Nothing went wrong; who has taken it over meanwhile knows better."""
    with suppress(LeaseLost):
        deployment.wait(until)


def _deliver(deployment: Deployment, others: list[Deployment], *, now: datetime) -> None:
    certificate, destination = deployment.certificate, deployment.destination
    _require_current(certificate, now=now)
    with_key = destination.open().needs_key
    require_deliverable(certificate, [destination])
    require_own_place(deployment, others, now=now)
    require_nobody_elses(deployment, now=now)
    stores.upload(destination, _parcel(certificate, destination, with_key=with_key))
    _succeed(deployment, now=now)


def _shall_leave(deployment: Deployment) -> bool:
    """A certificate that is revoked for good leaves every destination that can let go (contract 6.14)."""
    return stores.can_remove(deployment.destination) and revoked_for_good(deployment.certificate)


def revoked_at(certificates: QuerySet[Certificate], *, now: datetime) -> list[int]:
    """In the transaction that revokes them for good, once their rows say so: makes it due that they leave.

    Returns the deployments. A delivery that is at work sees for itself that it came too late.
    """
    found = Deployment.objects.filter(certificate__in=certificates).select_related("destination")
    leaving = [one.pk for one in found if stores.can_remove(one.destination)]
    idle = Deployment.objects.filter(pk__in=leaving).exclude(Deployment.objects.at_work(now))
    idle.update(state=Deployment.State.WAITING, not_before=now, leased=False, failures=0, last_error="")
    return leaving


def leave(deployments: list[int], *, now: datetime) -> list[str]:
    """Take away what :func:`revoked_at` returned; what went wrong, in Lemur's words. The sweep tries that again.

    Nothing goes wrong where a destination is switched off: it waits.
    """
    for pk in deployments:
        deploy(pk, now=now)
    left = Deployment.objects.filter(pk__in=deployments, destination__active=True).select_related("destination")
    return [
        f"Failed to remove destination: {one.destination.label}. {one.last_error or 'It is tried again later'}."
        for one in left
    ]


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


@committing("deployment.succeed")
def _succeed(deployment: Deployment, *, now: datetime) -> None:
    # Locked, so that a revocation either finds that it is there, or is found here.
    Certificate.objects.select_for_update().filter(pk=deployment.certificate_id).first()
    if _shall_leave(deployment):
        deployment.wait(now, deployed_at=now)
    else:
        deployment.succeed(deployed_at=now)
    label = deployment.destination.label
    record(Event.CERTIFICATE_DEPLOYED, deployment.certificate, by=system_user(), destination=label)
    rest = Deployment.objects.due(now).in_turn().filter(certificate=deployment.certificate_id)
    for pk in rest.values_list("pk", flat=True):
        enqueue("certificates.deploy", pk)  # whose turn it is now


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
    again = list(failed.values_list("pk", flat=True))
    count: int = failed.update(state=Deployment.State.WAITING, failures=0, not_before=now or clock())
    record(Event.DESTINATION_RETRIED, destination, by=by, deployments=count)
    for pk in again:
        enqueue("certificates.deploy", pk)
    return count


@committing("deployment.hasten")
def retry_deployment(deployment: Deployment, *, by: User | None = None, now: datetime | None = None) -> None:
    """One delivery is due now, whether it was given up or waits. Conflict if it is at work, due or done already."""
    by, certificate, destination = acting(by), deployment.certificate, deployment.destination
    permissions.require(by, "change", certificate, message="You are not authorized to update this certificate")
    if not destination.active:
        raise Precondition(f"{destination} is switched off; switch it on first.")
    if not Deployment.objects.filter(pk=deployment.pk).hasten(now=now or clock()):
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.DEPLOYMENT_RETRIED, certificate, by=by, destination=destination.label)
    enqueue("certificates.deploy", deployment.pk)


def remove_from_destination(certificate: Certificate, destination: Destination, *, by: User | None = None) -> None:
    """Take it away from there, as far as the plugin can, and forget that it should be there.

    Invalid, in Lemur's words, if the destination refuses or does not answer; then nothing has changed here.
    """
    by = acting(by)
    permissions.require(by, "change", certificate, message="You are not authorized to update this certificate")
    take_away(certificate, destination, by=by)


def take_away(certificate: Certificate, destination: Destination, *, by: User, now: datetime | None = None) -> None:
    """:func:`remove_from_destination` for who has asked for the right already."""
    now = now or clock()
    rows = Deployment.objects.select_related("certificate", "destination")
    found = rows.filter(certificate=certificate, destination=destination).first()
    if found is None:
        return
    held = rows.take_up(found.pk, now=now) if found.state == Deployment.State.WAITING else found
    try:
        if held is None:
            raise Conflict(DELIVERING)
        _remove(held, tried=found.tried, by=by)
    except (PluginError, PkiError, DomainError) as error:
        if held is not None and held is not found:
            _postpone(held, found.not_before)
        raise Invalid(f"Failed to remove destination: {destination.label}. {error}") from error


def _remove(deployment: Deployment, *, tried: bool, by: User) -> None:
    """Away from the destination, then from here. Conflict if it is delivered again meanwhile; then the row stays."""
    certificate, destination = deployment.certificate, deployment.destination
    if tried:  # it may be there, also if we died before we wrote that down
        stores.remove(destination, replace(bundle(certificate, with_key=False), name=delivery_name(certificate)))
    with committing("deployment.remove"):
        mine = Deployment.objects.filter(pk=deployment.pk, state=deployment.state, attempts=deployment.attempts)
        if not mine.delete()[0]:
            raise Conflict(DELIVERING)
        record(Event.CERTIFICATE_WITHDRAWN, certificate, by=by, destination=destination.label)


def hand_over(certificate: Certificate, successor: Certificate, *, by: User) -> None:
    """In the transaction that retires it: where its successor has taken its very place, it is not any more."""
    places = successor.deployments.filter(state=Deployment.State.DONE).values("destination")
    if delivery_name(certificate) != delivery_name(successor):
        return
    for deployment in certificate.deployments.filter(destination__in=places).select_related("destination"):
        deployment.delete()
        record(Event.CERTIFICATE_WITHDRAWN, certificate, by=by, destination=deployment.destination.label)


def put_back(deployment: Deployment, old: Certificate) -> None:
    """What a delivery took the place of is there again: the pair that the destination has kept, else delivered anew.

    Errors as those of stores.service.upload; Invalid if there is neither; Conflict if somebody else's is there by now.
    """
    destination, certificate = deployment.destination, deployment.certificate
    with_key = destination.open().needs_key
    if stores.can_roll_back(destination):
        stores.roll_back(destination, _parcel(certificate, destination, with_key=False))
        stores.require_held(destination, delivery_name(old), old.fingerprint)
        return
    require_deliverable(old, [destination])
    require_nobody_elses(deployment, now=clock(), instead=old)
    stores.upload(destination, _parcel(old, destination, with_key=with_key))


@committing("destination.withdraw")
def withdraw(destination: Destination, *, by: User | None = None) -> None:
    """Delete a destination, and that certificates shall be there. What lies there stays."""
    by = acting(by)
    destination_permissions.require(by, "delete", destination)
    destination = lock(destination)
    for deployment in destination.deployments.select_related("certificate").iterator():
        record(Event.CERTIFICATE_WITHDRAWN, deployment.certificate, by=by, destination=destination.label)
    stores.delete(destination, by=by)
