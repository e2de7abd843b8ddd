"""Background work on sources."""

from celery import shared_task

from stores import service


@shared_task(name="stores.scan")  # type: ignore[untyped-decorator]
def scan_source(scan_id: int) -> None:
    """Look into one source."""
    service.scan(scan_id)


@shared_task(name="stores.sweep_scans")  # type: ignore[untyped-decorator]
def sweep_scans() -> None:
    """No scan is due: whatever a lost message or a dead worker left behind is taken up."""
    for scan_id in service.due_scans():
        scan_source.delay(scan_id)
