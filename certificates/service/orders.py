"""Orders that did not become a certificate by themselves: what a person can do about them."""

from __future__ import annotations

from datetime import datetime

import structlog
from cryptography import x509
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, require_recent_proof
from authorities import service as authorities
from authorities.models import Authority
from certificates.extensions import as_invalid
from certificates.models import Certificate, Order
from certificates.models.order import REQUEST_LEASE
from certificates.permissions import order_permissions
from certificates.service.issuance import TRIES, Minted, carry_out, record_once, resume
from certificates.service.requesting import request_for
from core import idempotency, keys
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import Conflict, DomainError, Invalid, NotFound, Precondition, Unavailable
from core.failpoints import around
from core.models import StoredKey
from pki import chains, inspection
from pki.errors import PkiError
from pki.keys import private_key_pem
from plugins.contracts import FinishesLater
from plugins.errors import PluginError

log = structlog.get_logger(__name__)

FORBIDDEN = "You are not authorized to update this certificate"
CANCEL_FORBIDDEN = "You are not authorized to cancel this certificate"
MISSING = "Cannot find specified certificate"
CANCELLED = "Cancelled by"
NO_KEY = "The private key of this order was destroyed; place a new order."


def failing_orders() -> QuerySet[Order]:
    """Those that do not become a certificate by themselves, except where somebody has cancelled them."""
    found: QuerySet[Order] = Order.objects.failing().exclude(last_error__startswith=CANCELLED)
    return found


def get_order(pk: int) -> Order | None:
    """By id."""
    return Order.objects.select_related("authority", "by").filter(pk=pk).first()


def cancel_order(order: Order, *, note: str = "", by: User | None = None, now: datetime | None = None) -> None:
    """Give an order up: at the CA too, if that can be asked. Its key goes, unless a certificate for it may exist.

    A worker that asks the CA at this very moment records nothing any more.
    """
    by = acting(by)
    order_permissions.require(by, "cancel", order, message=CANCEL_FORBIDDEN)
    told = _cancel_at_ca(_not_done(order))
    with committing("order.cancel"):
        held = _hold(order, now=now or clock())
        held.fail(f"{CANCELLED} {by.get_username()}. {note}".strip(), permanent=True)
        if held.private_key and (told or held.draft):
            keys.destroy(held.private_key)
        record(Event.ORDER_CANCELLED, held, by=by, note=note[:1024])


def _hold(order: Order, *, now: datetime, from_workers: bool = True) -> Order:
    """The order, ours for as long as a request may run; ``from_workers``: also if somebody works on it now."""
    rows = Order.objects.select_related("authority", "by")
    take = rows.take_over if from_workers else rows.take_up
    try:
        with transaction.atomic():
            held: Order | None = take(order.pk, lease=REQUEST_LEASE, now=now)
    except IntegrityError as error:
        raise Conflict(f"Another order that renews {order.reissues} is open already.") from error
    if held is None:
        _not_done(order)
        raise Precondition(f"The {order} is being worked on at this moment; look again in a minute.")
    return held


def _not_done(order: Order) -> Order:
    """The order as it is now. Precondition if it has led to a certificate."""
    found = get_order(order.pk)
    if found is None:
        raise NotFound(MISSING)
    if found.state == Order.State.DONE:
        raise Precondition(f"The {order} has led to a certificate already.")
    return found


def _cancel_at_ca(order: Order) -> bool:
    """Was the CA told? Not if it has nothing in work, or if there is no way to ask it any more."""
    if order.external_id is None:
        return False
    try:
        opened = authorities.issuer_of(order.authority)
    except DomainError as error:
        log.warning("order.cancel", order=order.pk, error=str(error))
        return False
    if not isinstance(opened.plugin, FinishesLater):
        return False
    try:
        with around("cancel"), foreign(order.authority.plugin, order=order.pk):
            opened.plugin.cancel(request_for(order, opened))
    except (PluginError, PkiError, DomainError) as error:
        raise Unavailable(f"{order.authority} did not cancel the order: {error}") from error
    return True


def retry_order(order: Order, *, by: User | None = None, now: datetime | None = None) -> Certificate | Order:
    """Ask the CA anew: for who knows that nothing was issued, or that what was in the way is gone.

    Precondition while somebody asks it already. The same request that is sent again asks once.
    """
    by, now = acting(by), now or clock()
    order_permissions.require(by, "change", order, message=FORBIDDEN)
    begun = idempotency.recall(Order)
    if begun is not None:
        return resume(begun, now=now)
    _require_key(order)
    return carry_out(_take_up(order, by=by, now=now), now=now)


@committing("order.retry")
def _take_up(order: Order, *, by: User, now: datetime) -> Order:
    held = _hold(order, now=now, from_workers=False)
    idempotency.remember(held)
    record(Event.ORDER_RETRIED, held, by=by)
    return held


def has_key(order: Order) -> bool:
    """Can there still be a certificate? Not once the key that was made for it is destroyed."""
    pk = (order.private_key or "").removeprefix("key:")
    return not pk or StoredKey.objects.filter(pk=pk).exists()


def _require_key(order: Order) -> None:
    if not has_key(order):
        raise Precondition(NO_KEY)


def fulfil_by_hand(
    order: Order,
    *,
    body: str,
    chain: str | None = None,
    external_id: str | None = None,
    by: User | None = None,
    now: datetime | None = None,
) -> Certificate:
    """The certificate that the CA issued for this order, brought by a person. Invalid if it is another one."""
    by = acting(by)
    order_permissions.require(by, "change", order, message=FORBIDDEN)
    _require_key(order)
    links = chain or "".join(filter(None, (order.authority.body, order.authority.chain)))
    try:
        certificate, issuers = inspection.load(body), chains.split(links, limit=1_000)
        _require_signed_by(order.authority, [certificate, *issuers])
        minted = Minted(body, order.private_key, links, external_id or order.external_id, order.csr)
        return _record_named(order, minted, str(certificate.serial_number), now=now or clock())
    except PkiError as error:
        raise as_invalid(error, default="body") from error


def _record_named(order: Order, minted: Minted, serial: str, *, now: datetime) -> Certificate:
    """Tried again when somebody else took the name at the same moment; Conflict if the certificate is here already."""
    for _ in range(TRIES):
        try:
            return _record(order, minted, now=now)
        except IntegrityError as error:
            known = Certificate.objects.filter(authority=order.authority, serial=serial).first()
            if known is not None:
                raise Conflict(
                    f"This certificate is here already: {known} (id:{known.pk}). Give the order up."
                ) from error
    raise Unavailable("No free name could be found for the certificate; try again.")


@committing("order.upload")
def _record(order: Order, minted: Minted, *, now: datetime) -> Certificate:
    """All of it or nothing: what is refused leaves the order as it was."""
    return record_once(_hold(order, now=now), minted, now=now)


def _require_signed_by(authority: Authority, path: list[x509.Certificate]) -> None:
    ca = authority.certificate
    if not any(one != ca and chains.is_signed_by(one, ca) for one in path):  # a root signs itself as well
        raise Invalid.field("body", f"{authority} did not sign this certificate.")


def reveal_order_key(order: Order, *, by: User | None = None) -> str | None:
    """The private key that was made for the order, as PEM; None if somebody else has it. Each reading is recorded."""
    by = acting(by)
    order_permissions.require(by, "reveal_key", order, message="You are not authorized to view this key")
    if order.private_key is None:
        return None
    _require_key(order)
    require_recent_proof()
    pem = private_key_pem(keys.reveal(order.private_key))
    with committing("order.reveal"):
        record(Event.KEY_REVEALED, order, by=by)
    return pem
