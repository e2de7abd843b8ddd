"""What one of two installations does that deliver to one and the same place, neither knowing the other's certificates."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate, Deployment
from certificates.tasks import sweep_deployments
from lifecycle.models import Alarm
from lifecycle.tasks import sweep_failures
from plugins import network
from stores import service as stores
from stores.models import Destination
from tests.factories import a_certificate

SHARED = "shared.example.org"


def deliver(plugin: str, options: dict[str, Any]) -> dict[str, Any]:
    """A certificate for the shared place, the first one or the next, and what became of it there."""
    network.configure(allow=["127.0.0.0/8"])  # where the SFTP servers of tests are
    alice = User.objects.get(username="alice")
    old = Certificate.objects.filter(cn=SHARED).order_by("-pk").first()
    if old is None:
        place = stores.create(Destination, label="shared", plugin=plugin, options=options, by=None)
        a_certificate(alice, Authority.objects.get(name="Root"), cn=SHARED, destinations=[place])
    else:
        service.reissue_certificate(old, replace=True, user=alice)
    return look()


def again() -> dict[str, Any]:
    """Somebody presses "Try again" on the destination's page."""
    network.configure(allow=["127.0.0.0/8"])
    service.deliver_again(Destination.objects.get())
    return look()


def look() -> dict[str, Any]:
    """What the timetable does, and what is known then of the last delivery; the alarms that are open."""
    network.configure(allow=["127.0.0.0/8"])
    sweep_deployments()
    sweep_failures()
    last = Deployment.objects.select_related("certificate").latest("pk")
    about = {"fingerprint": last.certificate.fingerprint, "serial": last.certificate.serial_hex}
    alarms = list(Alarm.objects.filter(resolved_at=None, kind="delivery-stuck").values_list("error", flat=True))
    return {**about, "state": last.state, "said": last.last_error, "alarms": alarms}
