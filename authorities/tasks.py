"""Background work on authorities."""

from celery import shared_task
from django.utils.timezone import now as clock

from authorities import publishing


@shared_task(name="authorities.publish_crls")  # type: ignore[untyped-decorator]
def publish_crls() -> None:
    """Every revocation list is younger than half its life and says what the ledger says; every OCSP responder lives."""
    for authority in publishing.due(clock()):
        publishing.prepare(authority, now=clock())
