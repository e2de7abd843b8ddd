"""Background work on what happens by itself: each task is an entry point over a service."""

from celery import shared_task

from lifecycle import digests, escalation, expiry, failures


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
