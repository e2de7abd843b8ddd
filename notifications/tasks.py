"""Background work on notices: each task is an entry point over a service."""

from celery import shared_task

from notifications.service import due_recipients, tell


@shared_task(name="notifications.tell")  # type: ignore[untyped-decorator]
def tell_recipient(recipient: str, channel: str) -> None:
    """Send one recipient everything that is to be told through one channel."""
    tell(recipient, channel)


@shared_task(name="notifications.sweep_notices")  # type: ignore[untyped-decorator]
def sweep_notices() -> None:
    """No notice is due: whoever must be told something was told, or the row says why not."""
    for recipient, channel in due_recipients():
        tell_recipient.delay(recipient, channel)
