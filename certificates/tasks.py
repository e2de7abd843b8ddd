"""Background work on certificates: each task is an entry point over a service."""

from celery import shared_task

from certificates.service import fulfil
from certificates.service.issuance import due_orders


@shared_task(name="certificates.fulfil")  # type: ignore[untyped-decorator]
def fulfil_order(order_id: int) -> None:
    """Take up one order."""
    fulfil(order_id)


@shared_task(name="certificates.sweep_orders")  # type: ignore[untyped-decorator]
def sweep_orders() -> None:
    """No order is due: whatever a lost message or a dead process left behind is taken up."""
    for order_id in due_orders():
        fulfil_order.delay(order_id)
