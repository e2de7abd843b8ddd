"""Going back to the certificate before, where a new one cannot be seen being served: by a person, never by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from certificates.models import Certificate, Deployment
from certificates.service.deploying import put_back
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, DomainError, Precondition, Unavailable
from core.jobs import LeaseLost
from core.queue import enqueue
from lifecycle.endpoints import swap
from lifecycle.models import Endpoint, EndpointRotation
from lifecycle.permissions import rotation_permissions
from pki.errors import PkiError
from plugins.errors import PluginError

State = EndpointRotation.State
AGAIN_AFTER = timedelta(days=1)
"""Until the old certificate is renewed once more: somebody has to see what was wrong."""


@committing("rotation.retry")
def retry(rotation: EndpointRotation, *, by: User | None = None, now: datetime | None = None) -> EndpointRotation:
    """Look again whether the endpoint serves its new certificate, if that was given up or waits for later.

    Conflict otherwise.
    """
    by = acting(by)
    rotation_permissions.require(by, "retry", rotation, message="You are not authorized to rotate this endpoint.")
    if not EndpointRotation.objects.filter(pk=rotation.pk, rolled_back_at=None).hasten(now=now or clock()):
        raise Conflict("There is nothing to try again: it is at work, done, or was rolled back.")
    record(Event.ROTATION_RETRIED, rotation.certificate, by=by, endpoint=str(rotation.endpoint))
    enqueue("lifecycle.rotate_endpoint", rotation.pk)
    rotation.refresh_from_db()
    return rotation


def roll_back(rotation: EndpointRotation, *, by: User | None = None, now: datetime | None = None) -> EndpointRotation:
    """The old certificate is put back, key and all, wherever the new one has taken its place; it is watched again.

    Precondition if there is none, or it is over or revoked; Conflict if the new one was verified or a worker is at it;
    Unavailable, naming the place, if one does not take it back: then nothing is forgotten, and one may try again.
    """
    by, now = acting(by), now or clock()
    rotation_permissions.require(by, "roll_back", rotation, message="You are not authorized to roll this back.")
    old = Certificate.objects.current(now).filter(pk=rotation.replaces_id).first()
    if old is None:
        raise Precondition("The certificate before is over, revoked or unknown; there is nothing to go back to.")
    rows = EndpointRotation.objects.select_related("endpoint__source", "certificate", "replaces")
    held: EndpointRotation | None = rows.filter(rolled_back_at=None).take_up(rotation.pk, now=now)
    if held is None:
        raise Conflict("It cannot be rolled back: it is verified, rolled back already, or at work just now.")
    with _given_up(held):
        for deployment in _delivered(held.certificate):
            put_back(deployment, old)
        swap(held.endpoint, old)
    _rolled_back(held, old, by=by, now=now)
    held.refresh_from_db()
    return held


def _delivered(certificate: Certificate) -> list[Deployment]:
    """The last first."""
    rows = certificate.deployments.filter(state=Deployment.State.DONE).select_related("destination", "certificate")
    return list(rows.order_by("-pk"))


@contextmanager
def _given_up(rotation: EndpointRotation) -> Iterator[None]:
    """What goes wrong stands in the row, and is told."""
    try:
        yield
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _not_rolled_back(rotation, error)
        raise Unavailable(f"It could not be rolled back: {error}") from error


@committing("rotation.not-rolled-back")
def _not_rolled_back(rotation: EndpointRotation, error: Exception) -> None:
    rotation.fail(str(error), permanent=True)
    endpoint, by = str(rotation.endpoint), acting(None)
    record(Event.ROTATION_FAILED, rotation.certificate, by=by, endpoint=endpoint, error=str(error))


@committing("rotation.roll-back")
def _rolled_back(rotation: EndpointRotation, old: Certificate, *, by: User, now: datetime) -> None:
    """The old one is in its place at each endpoint; the new one is delivered and renewed no more."""
    new, said = rotation.certificate, f"Rolled back to {old}."
    rotation.fail(said, permanent=True)
    EndpointRotation.objects.filter(certificate=new).update(
        state=State.FAILED, leased=False, last_error=said, rolled_back_at=now
    )
    Endpoint.objects.filter(certificate=new, rotations__certificate=new).update(certificate=old)
    places = list(new.deployments.filter(state=Deployment.State.DONE).values_list("destination", flat=True))
    new.deployments.update(state=Deployment.State.FAILED, leased=False, last_error=said)
    for place in places:
        Deployment.objects.update_or_create(
            certificate=old, destination_id=place, defaults={"state": Deployment.State.DONE, "deployed_at": now}
        )
    new.replaces.remove(old)
    Certificate.objects.filter(pk=new.pk).update(rotation=False, notify=False)
    Certificate.objects.filter(pk=old.pk).update(rotation=True, notify=True, renews_at=now + AGAIN_AFTER)
    for certificate in (old, new):
        record(Event.ROTATION_ROLLED_BACK, certificate, by=by, old=str(old), new=str(new))
