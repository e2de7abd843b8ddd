"""Issuing: write the order down, ask the CA, record what it answers.

Between the two transactions stands the CA. Whatever dies there, the order knows what was asked for, and ``fulfil``
takes it up again without ever asking for a second certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding
from django.db import IntegrityError
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from authorities import ledger
from authorities import service as authorities
from authorities.models import Authority
from certificates import rules
from certificates.models import Certificate, Order
from certificates.models.order import REQUEST_LEASE
from certificates.service import placing
from certificates.service.requesting import ask_ca, asked_to_wait
from certificates.service.settling import Wanted, require_may_order, settle
from certificates.spec import CertificateSpec, related, single
from core import idempotency
from core import keys as key_store
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, DomainError, Unavailable
from core.jobs import LeaseLost
from core.models import StoredKey
from core.queue import enqueue
from pki import chains, keys, requests
from pki.errors import NotAllowed, PkiError
from plugins.errors import Misconfigured, Permanent, PluginError, Rejected, Uncertain
from plugins.values import Issued, Pending

ASK_AGAIN = timedelta(minutes=1)
TRIES = 3


class Minted(NamedTuple):
    """What a CA gave us. ``body`` is None while it is still at work; ``private_key`` is a key URI."""

    body: str | None
    private_key: str | None
    chain: str | None
    external_id: str | None
    csr: str


def create(
    *, by: User | None = None, creator: User | None = None, now: datetime | None = None, **fields: Any
) -> Certificate | Order:
    """Obtain a certificate: see :class:`~certificates.spec.CertificateSpec` for the fields.

    Returns the order instead when the CA answers later. Raises Invalid naming the field, Forbidden, or Unavailable when
    the CA does not answer; then the order stays and is tried again.
    """
    return place_order(fields, by=acting(by, creator), now=now or clock())


def place_order(
    fields: Mapping[str, Any],
    *,
    by: User,
    now: datetime,
    reissues: Certificate | None = None,
    keeps: Mapping[str, Any] | None = None,
) -> Certificate | Order:
    """What :func:`create` and reissuing have in common.

    ``reissues``: Conflict while another order renews it. ``keeps``: columns of its that the new certificate takes over.
    """
    begun = idempotency.recall(Order)
    if begun is not None and begun.state != Order.State.FAILED:
        return resume(begun, now=now)
    spec = CertificateSpec.of(**fields)
    require_may_order(spec, by)
    order = _draw_up(settle(spec, by=by, now=now), by=by, now=now)
    order.reissues, order.spec = reissues, {**order.spec, "keeps": dict(keeps or {})}
    try:
        _write_down(order, instead_of=begun)
    except IntegrityError as error:
        if reissues is None:
            raise
        raise Conflict(renewed_already(reissues)) from error
    return carry_out(order, now=now)


def renewed_already(certificate: Certificate) -> str:
    """Why there can be no second order that renews it."""
    return f"An order that renews {certificate} is open already; wait for it, or cancel it."


def _draw_up(wanted: Wanted, *, by: User, now: datetime) -> Order:
    """Key, CSR, draft and order, not saved yet."""
    spec = wanted.spec
    stored, request = _key_and_request(wanted)
    draft = authorities.draft(
        spec.authority,
        subject=wanted.subject,
        public_key=request.public_key,
        extensions=wanted.extensions,
        not_before=wanted.not_before,
        not_after=wanted.not_after,
    )
    order = Order(
        authority=spec.authority,
        by=by,
        spec=spec.row_fields(),
        csr=request.pem,
        private_key=stored.uri if stored else None,
        profile=wanted.profile.name,
        draft=None if draft is None else draft.public_bytes(Encoding.DER),
        not_before_asked=wanted.not_before,
        not_after_asked=wanted.not_after,
        # Born claimed: the sweep must not mint it while this request still does.
        attempts=1,
        leased=True,
        not_before=now + REQUEST_LEASE,
    )
    order.profile_value = wanted.profile
    order.unsaved = (stored, draft)
    order.named = {"rotation_policy": spec.rotation_policy, "dns_provider": spec.dns_provider}
    return order


def _key_and_request(wanted: Wanted) -> tuple[StoredKey | None, requests.Request]:
    """A new key, not saved yet, and a CSR for it; or the CSR that the requester brought.

    Outside of any transaction: an RSA key takes its time, and a token is another machine.
    """
    if wanted.request is not None:
        return None, wanted.request
    stored, key = key_store.generate(keys.KeySpec.parse(wanted.spec.key_type))
    pem = requests.build(wanted.subject, wanted.extensions, key)
    return stored, requests.Request(pem, wanted.subject, wanted.extensions, key.public_key(), wanted.spec.key_type)


@committing("order")
def _write_down(order: Order, *, instead_of: Order | None = None) -> None:
    """Transaction 1: the key, the line of the ledger, the order.

    Once this returns we know what we asked for, whatever happens. ``instead_of`` is the failed order of an earlier
    request with the same Idempotency-Key.
    """
    stored, draft = order.unsaved
    if stored is not None:
        stored.save(force_insert=True)
    if draft is not None:
        order.reserved = ledger.reserve(order.authority, draft)
    order.save(force_insert=True)
    idempotency.remember(order, instead_of=instead_of)
    record(Event.CERTIFICATE_ORDERED, order, by=order.by, authority=order.authority.name, profile=order.profile)


def resume(order: Order, *, now: datetime) -> Certificate | Order:
    """What an order has led to that the same request had begun; the CA is asked only if it is due again."""
    if order.certificate is not None:
        return order.certificate
    claimed = Order.objects.claim(order.pk, lease=REQUEST_LEASE, now=now)
    return order if claimed is None else carry_out(claimed, now=now)


def fulfil(order_id: int, *, now: datetime | None = None) -> Certificate | None:
    """Take up an order that is due; None if it is not, or if another worker has it, or if the CA is still at work."""
    now = now or clock()
    left_alone = Order.objects.filter(pk=order_id, leased=True).exists()
    order = Order.objects.select_related("authority", "by").claim(order_id, now=now)
    if order is None:
        return None
    try:
        result = carry_out(order, now=now, left_alone=left_alone)
    except Unavailable:
        return None
    return result if isinstance(result, Certificate) else None


def carry_out(order: Order, *, now: datetime, left_alone: bool = False) -> Certificate | Order:
    """Ask the CA about a claimed order and record the answer.

    ``left_alone``: whoever had claimed it before has not lived to say what became of it.
    Raises Unavailable; then the order waits for the sweep, unless the CA refused it, or answered something that a
    person must look at.
    """
    try:
        answer = ask_ca(order, left_alone=left_alone)
        if isinstance(answer, Pending):
            _wait(order, answer, now=now)
            return order
        return _record(order, _minted(order, answer), now=now)
    except LeaseLost:
        return _as_another_left_it(order)
    except (PluginError, PkiError, DomainError) as error:
        try:
            _give_up(order, error, now=now)
        except LeaseLost:
            return _as_another_left_it(order)
        again = order.state == Order.State.WAITING
        kept = " The order is kept and tried again; do not place it twice." if again else ""
        raise Unavailable(
            f"{order.authority} did not issue the certificate: {str(error).rstrip('.')}.{kept}"
        ) from error


@committing("order.wait")
def _wait(order: Order, answer: Pending, *, now: datetime) -> None:
    """Remember under which name the CA knows it, and when to ask again."""
    pause = ASK_AGAIN if answer.retry_after is None else answer.retry_after
    order.wait(now + pause, external_id=answer.external_id)
    if not pause:
        enqueue("certificates.fulfil", order.pk)


@committing("order.give-up")
def _give_up(order: Order, error: Exception, *, now: datetime) -> None:
    """Later again; never, if nothing can have been issued, and then the key goes too; or a person must look.

    That is so when the CA answered something else than what was asked for, or when it may have issued what we never
    saw: a certificate may exist then, and its key is needed.
    """
    hopeless = isinstance(error, Permanent) and not isinstance(error, Misconfigured)
    certain = order.external_id is None or isinstance(error, Rejected)
    if not isinstance(error, PluginError | Unavailable) or isinstance(error, Uncertain) or (hopeless and not certain):
        order.doubt(str(error))
    else:
        order.fail(str(error), permanent=hopeless, retry_after=asked_to_wait(error), now=now)
    if order.state == Order.State.FAILED:
        record(Event.ORDER_FAILED, order, by=order.by, error=str(error))
        if order.private_key and (hopeless or order.draft):
            key_store.destroy(order.private_key)


def mint(*, authority: Authority, creator: User | None = None, **fields: Any) -> Minted:
    """The seed's step: ask the CA for a certificate of these fields, outside of any transaction.

    The order for it is written down first, so that nothing is lost: the sweep records what was minted.
    """
    by, now = acting(None, creator), clock()
    spec = CertificateSpec.of(authority=authority, **fields)
    require_may_order(spec, by)
    order = _draw_up(settle(spec, by=by, now=now), by=by, now=now)
    _write_down(order)
    return _minted(order, ask_ca(order))


def _minted(order: Order, answer: Issued | Pending) -> Minted:
    if isinstance(answer, Pending):
        return Minted(None, order.private_key, None, answer.external_id, order.csr)
    chain = "".join(answer.chain) or None
    return Minted(answer.body, order.private_key, chain, answer.external_id, order.csr)


def _record(order: Order, minted: Minted, *, now: datetime) -> Certificate | Order:
    """Transaction 2, tried again when somebody else took the name at the same moment.

    The order itself, when another worker took it over meanwhile and is not done yet.
    """
    for _ in range(TRIES):
        try:
            certificate = record_once(order, minted, now=now)
        except LeaseLost:
            return _as_another_left_it(order)
        except IntegrityError:
            # A name that was taken, or a policy that was deleted; or the serial number, because another worker has
            # recorded this certificate.
            if (left := _as_another_left_it(order)) is not order:
                return left
            order.named = None  # a row that is gone meanwhile
            continue
        return certificate
    raise Unavailable("no free name could be found for the certificate")


def _as_another_left_it(order: Order) -> Certificate | Order:
    """What became of an order that we slept over: its certificate, or the order if that is not there yet."""
    certificate = Certificate.objects.filter(order=order.pk).first()
    return certificate or order


@committing("record")
def record_once(order: Order, minted: Minted, *, now: datetime) -> Certificate:
    """The certificate that an order we hold has led to. Raises NotAllowed if it is not what was asked for."""
    certificate = Certificate.from_body(
        minted.body or "",
        chain=minted.chain,
        csr=minted.csr,
        private_key=minted.private_key,
        external_id=minted.external_id,
        owner=order.spec["owner"],
        description=order.spec["description"],
        notify=order.spec["notify"],
        rotation=order.spec["rotation"],
        authority=order.authority,
        date_created=now,
        **(order.spec.get("keeps") or {"user": order.by}),
        **(order.named or single(order.spec)),
    )
    _check_answer(order, certificate)
    placing.place(certificate, name=order.spec["name"], by=order.by, **related(order.spec))
    order.succeed(certificate=certificate)
    record(Event.CERTIFICATE_ISSUED, certificate, by=order.by, order=order.pk, serial=certificate.serial)
    return certificate


def _check_answer(order: Order, certificate: Certificate) -> None:
    """Is it the certificate that was asked for? A CA's answer is input like any other. Raises NotAllowed if not."""
    chains.verify(certificate.parsed, certificate.issuers)
    if order.draft:
        ledger.confirm(order.authority, certificate.parsed, reserved=order.reserved)
        return
    request = requests.read(order.csr)
    asked = {*request.extensions.names, *rules.names_with_common_name(order.spec["common_name"], ())}
    if keys.spki_sha256(request.public_key) != certificate.spki_sha256:
        raise NotAllowed("The CA certified another key than the one in the request.")
    if certificate.facts.is_ca:
        raise NotAllowed("The CA answered with the certificate of an authority.")
    if surplus := set(certificate.facts.names) - asked:
        raise NotAllowed(f"The CA certified names that nobody asked for: {', '.join(name.value for name in surplus)}.")


def due_orders(now: datetime | None = None, *, limit: int = 1000) -> list[int]:
    """The orders that a sweep should take up, longest waiting first."""
    return list(Order.objects.due(now).order_by("not_before").values_list("pk", flat=True)[:limit])
