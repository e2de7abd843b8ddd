"""Background work on certificates: each task is an entry point over a service."""

from celery import shared_task

from certificates.service import ask_for_window, carry_out, carry_out_batch, deploy, fulfil
from certificates.service.batches import due_batches
from certificates.service.deploying import due_deployments
from certificates.service.issuance import due_orders
from certificates.service.renewing import due_suggestions
from certificates.service.revoking import due_revocations


@shared_task(name="certificates.fulfil")  # type: ignore[untyped-decorator]
def fulfil_order(order_id: int) -> None:
    """Take up one order."""
    fulfil(order_id)


@shared_task(name="certificates.sweep_orders")  # type: ignore[untyped-decorator]
def sweep_orders() -> None:
    """No order is due: whatever a lost message or a dead process left behind is taken up."""
    for order_id in due_orders():
        fulfil_order.delay(order_id)


@shared_task(name="certificates.carry_out")  # type: ignore[untyped-decorator]
def carry_out_revocation(revocation_id: int) -> None:
    """Take up one revocation."""
    carry_out(revocation_id)


@shared_task(name="certificates.sweep_revocations")  # type: ignore[untyped-decorator]
def sweep_revocations() -> None:
    """No revocation is due: the authority has agreed to each, or has said why not."""
    for revocation_id in due_revocations():
        carry_out_revocation.delay(revocation_id)


@shared_task(name="certificates.deploy")  # type: ignore[untyped-decorator]
def deploy_certificate(deployment_id: int) -> None:
    """Deliver one certificate to one destination."""
    deploy(deployment_id)


@shared_task(name="certificates.sweep_deployments")  # type: ignore[untyped-decorator]
def sweep_deployments() -> None:
    """No deployment is due: what shall be at a destination is there, or the row says why not."""
    for deployment_id in due_deployments():
        deploy_certificate.delay(deployment_id)


@shared_task(name="certificates.ask_for_window")  # type: ignore[untyped-decorator]
def ask_the_authority(suggestion_id: int) -> None:
    """Ask one certificate's authority when it would like that to be renewed."""
    ask_for_window(suggestion_id)


@shared_task(name="certificates.sweep_suggestions")  # type: ignore[untyped-decorator]
def sweep_suggestions() -> None:
    """Of each certificate whose policy follows its authority we know what that suggests."""
    for suggestion_id in due_suggestions():
        ask_the_authority.delay(suggestion_id)


@shared_task(name="certificates.carry_out_batch")  # type: ignore[untyped-decorator]
def carry_out_some(batch_id: int) -> None:
    """Do what a batch wants to some of its certificates."""
    carry_out_batch(batch_id)


@shared_task(name="certificates.sweep_batches")  # type: ignore[untyped-decorator]
def sweep_batches() -> None:
    """No batch is due: each was carried out, or is at work."""
    for batch_id in due_batches():
        carry_out_some.delay(batch_id)
