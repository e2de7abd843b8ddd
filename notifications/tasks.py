"""Background work on notices."""

from celery import shared_task

from notifications import service


@shared_task(name="notifications.tell")  # type: ignore[untyped-decorator]
def tell_recipient(recipient: str, channel: str) -> None:
    """Send one recipient one message."""
    service.tell(recipient, channel)


@shared_task(name="notifications.sweep_notices")  # type: ignore[untyped-decorator]
def sweep_notices() -> None:
    """No notice is due: each recipient was sent one message with all of them, or the rows say why not."""
    for recipient, channel in service.waiting_recipients():
        tell_recipient.delay(recipient, channel)
