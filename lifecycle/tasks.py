"""What happens by itself: each task is an entry point over a service."""

from celery import shared_task

from lifecycle import digests, escalation, expiry, failures
from lifecycle.checking import check_endpoint, due_endpoints
from lifecycle.discovery import due_syncs, sync, sync_sources
from lifecycle.endpoints import due_rotations, find_endpoint_rotations, rotate_endpoint
from lifecycle.retiring import retire_replaced
from lifecycle.revocation import check, check_revocation
from lifecycle.rotation import reissue, reissue_due
from lifecycle.switching import set_switches


@shared_task(name="lifecycle.reissue_due")  # type: ignore[untyped-decorator]
def sweep_renewals() -> None:
    """Nothing whose time has come is without an order or a successor, as far as the budgets allow."""
    reissue_due()


@shared_task(name="lifecycle.reissue")  # type: ignore[untyped-decorator]
def reissue_certificate(certificate_id: int) -> None:
    """Renew one certificate."""
    reissue(certificate_id)


@shared_task(name="lifecycle.find_endpoint_rotations")  # type: ignore[untyped-decorator]
def sweep_replaced() -> None:
    """No endpoint serves a certificate whose successor is delivered, and none that was replaced renews itself."""
    find_endpoint_rotations()
    retire_replaced()


@shared_task(name="lifecycle.rotate_endpoint")  # type: ignore[untyped-decorator]
def rotate(rotation_id: int) -> None:
    """Have one endpoint serve its new certificate."""
    rotate_endpoint(rotation_id)


@shared_task(name="lifecycle.sweep_endpoint_rotations")  # type: ignore[untyped-decorator]
def sweep_endpoint_rotations() -> None:
    """No rotation is due: each endpoint was seen serving its new certificate, or the row says why not."""
    for rotation_id in due_rotations():
        rotate.delay(rotation_id)


@shared_task(name="lifecycle.sync_sources")  # type: ignore[untyped-decorator]
def begin_syncs() -> None:
    """We know what the sources have."""
    sync_sources()


@shared_task(name="lifecycle.sync")  # type: ignore[untyped-decorator]
def sync_source(sync_id: int) -> None:
    """Look into one source."""
    sync(sync_id)


@shared_task(name="lifecycle.sweep_syncs")  # type: ignore[untyped-decorator]
def sweep_syncs() -> None:
    """No sync is due: whatever a lost message or a dead worker left behind is taken up."""
    for sync_id in due_syncs():
        sync_source.delay(sync_id)


@shared_task(name="lifecycle.check_revocation")  # type: ignore[untyped-decorator]
def sweep_statuses() -> None:
    """Each valid certificate was asked about within a day."""
    check_revocation()


@shared_task(name="lifecycle.check_status")  # type: ignore[untyped-decorator]
def check_status(certificate_ids: str) -> None:
    """Ask about some certificates: their ids, with commas between them."""
    check(map(int, certificate_ids.split(",")))


@shared_task(name="lifecycle.check_endpoints")  # type: ignore[untyped-decorator]
def sweep_endpoints() -> None:
    """Each endpoint was looked at within an hour."""
    for endpoint_id in due_endpoints():
        look_at_endpoint.delay(endpoint_id)


@shared_task(name="lifecycle.check_endpoint")  # type: ignore[untyped-decorator]
def look_at_endpoint(endpoint_id: int) -> None:
    """Look at one endpoint."""
    check_endpoint(endpoint_id)


@shared_task(name="lifecycle.set_switches")  # type: ignore[untyped-decorator]
def sweep_switches() -> None:
    """What is in use renews itself, and what is there twice does so once, where the site wants that."""
    set_switches()


@shared_task(name="lifecycle.escalate")  # type: ignore[untyped-decorator]
def escalate() -> None:
    """What nobody has acknowledged for days was told to somebody else."""
    escalation.escalate()


@shared_task(name="lifecycle.notify_expiring")  # type: ignore[untyped-decorator]
def notify_expiring() -> None:
    """Every threshold that was crossed has a notice."""
    expiry.notify_expiring()


@shared_task(name="lifecycle.send_digests")  # type: ignore[untyped-decorator]
def send_digests() -> None:
    """This week's digest of each owner and today's summary for the security team have a notice."""
    digests.send_digests()


@shared_task(name="lifecycle.sweep_failures")  # type: ignore[untyped-decorator]
def sweep_failures() -> None:
    """Whatever does not work has an alarm, and what works again has none."""
    failures.sweep_failures()
