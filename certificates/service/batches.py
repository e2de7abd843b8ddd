"""Doing the same to many certificates: what is wanted is written down, then done to one after the other.

Each certificate is a verb of its own, with the rights that the person has at that moment. A worker that dies leaves the
rest for the sweep; what it did last is looked at before it is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from certificates.models import Batch, BatchItem, Certificate, CertificateQuerySet, Order, Revocation
from certificates.permissions import batch_permissions, permissions
from certificates.service.editing import Difference, update
from certificates.service.reissue import reissue_certificate
from certificates.service.revoking import revoke
from certificates.service.tagging import tag, untag
from core import idempotency
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, DomainError, Invalid
from core.jobs import LEASE, LeaseLost
from core.queue import enqueue
from pki.errors import PkiError
from plugins.errors import PluginError
from stores.models import Destination

MOST = 10_000
AT_ONCE = 50
"""Certificates of one turn."""

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Verb:
    """What is done to each certificate, for which right, and whether that was done since then already: of what is the
    same when it is done twice nobody need know."""

    action: str
    do: Callable[[Certificate, Given, User], object]
    done_since: Callable[[Certificate, Given, datetime], bool] = lambda certificate, given, moment: False


def _deliver(certificate: Certificate, given: Given, by: User) -> object:
    places = Destination.objects.filter(pk__in=given["destinations"])
    return update(certificate.pk, by=by, destinations=Difference(added=list(places)))


def _handed_over(certificate: Certificate, given: Given, moment: datetime) -> bool:
    """Whoever gave it away may have no right to it any more."""
    return bool(certificate.owner == given["owner"].strip().lower())


def _ordered_since(certificate: Certificate, given: Given, moment: datetime) -> bool:
    """An order in doubt is none: a person must look at it."""
    orders = Order.objects.filter(reissues=certificate, created_at__gte=moment)
    return orders.filter(state__in=[Order.State.WAITING, Order.State.DONE]).exists()


def _asked_since(certificate: Certificate, given: Given, moment: datetime) -> bool:
    asked = Revocation.objects.filter(certificate=certificate, created_at__gte=moment)
    return asked.exclude(state=Revocation.State.FAILED).exists()


VERBS: Mapping[str, Verb] = {
    "hand-over": Verb("change", lambda one, given, by: update(one.pk, by=by, owner=given["owner"]), _handed_over),
    "notify": Verb("change", lambda one, given, by: update(one.pk, by=by, notify=given["on"])),
    "rotation": Verb("change", lambda one, given, by: update(one.pk, by=by, rotation=given["on"])),
    "deliver": Verb("change", _deliver),
    "tag": Verb("change", lambda one, given, by: tag(one, given["tags"], by=by)),
    "untag": Verb("change", lambda one, given, by: untag(one, given["tags"], by=by)),
    "renew": Verb("reissue", lambda one, given, by: reissue_certificate(one, replace=True, user=by), _ordered_since),
    "revoke": Verb("revoke", lambda one, given, by: revoke(one, by=by, **given), _asked_since),
}


def within_rights(verb: str, rows: CertificateQuerySet, *, by: User) -> CertificateQuerySet:
    """Those of the rows to which the person may do it."""
    return permissions.allowed(by, VERBS[verb].action, rows)  # type: ignore[return-value]


@committing("batch.begin")
def begin_batch(
    verb: str, rows: CertificateQuerySet, *, given: Given, by: User | None = None, now: datetime | None = None
) -> Batch:
    """Write down that it shall be done to those of the rows to which the person may do it. Raises Invalid.

    ``given``: ``owner`` to hand over; ``on`` for notify and rotation; ids of ``destinations`` to deliver; ``tags``;
    ``reason``, ``comments`` and ``force`` to revoke. A form that is sent again begins no second one.
    """
    by = acting(by)
    if (begun := idempotency.recall(Batch)) is not None:
        return begun
    chosen = list(within_rights(verb, rows, by=by).order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if not chosen:
        raise Invalid("There is no certificate among them to which you may do this.")
    if len(chosen) > MOST:
        raise Invalid(f"At most {MOST:,} certificates can be changed at once; narrow the list.")
    batch = Batch.objects.create(verb=verb, given=dict(given), by=by, created_at=now or clock())
    BatchItem.objects.bulk_create([BatchItem(batch=batch, certificate_id=pk) for pk in chosen], batch_size=1000)
    idempotency.remember(batch)
    record(Event.BATCH_BEGUN, batch, by=by, verb=verb, certificates=len(chosen))
    enqueue("certificates.carry_out_batch", batch.pk)
    return batch


def carry_out_batch(batch_id: int, *, now: datetime | None = None) -> None:
    """Take up a batch if it is due and nobody else does: some of its certificates, then it waits for its next turn."""
    now = now or clock()
    batch = Batch.objects.select_related("by").claim(batch_id, now=now)
    if batch is None:
        return
    for item in batch.items.filter(state=BatchItem.State.WAITING).select_related("certificate")[:AT_ONCE]:
        if not _is_ours(batch):
            break
        _close(item, _tried(batch, item.certificate))
    with suppress(LeaseLost):
        _go_on(batch, now=now)


@committing("batch.hold")
def _is_ours(batch: Batch) -> bool:
    """Nobody wants it to stop, and no other worker has taken it over; none will while one certificate is worked at."""
    mine = Batch.objects.filter(pk=batch.pk, attempts=batch.attempts, state=Batch.State.WAITING, cancelled=False)
    return bool(mine.update(not_before=clock() + LEASE))


def _tried(batch: Batch, certificate: Certificate) -> str:
    """Do it; says why it cannot be done, or ""."""
    verb = VERBS[batch.verb]
    if verb.done_since(certificate, batch.given, batch.created_at):
        return ""
    try:
        verb.do(certificate, batch.given, batch.by)
    except (PluginError, PkiError, DomainError) as error:
        return str(error)
    return ""


@committing("batch.item")
def _close(item: BatchItem, error: str) -> None:
    """What became of it with one certificate."""
    state = BatchItem.State.FAILED if error else BatchItem.State.DONE
    BatchItem.objects.filter(pk=item.pk, state=BatchItem.State.WAITING).update(state=state, error=error)


@committing("batch.go-on")
def _go_on(batch: Batch, *, now: datetime) -> None:
    """At an end, or another turn."""
    cancelled = Batch.objects.filter(pk=batch.pk, cancelled=True).exists()
    if not cancelled and batch.items.filter(state=BatchItem.State.WAITING).exists():
        batch.wait(now)
        enqueue("certificates.carry_out_batch", batch.pk)
        return
    batch.succeed()
    counts = batch.counts
    record(Event.BATCH_ENDED, batch, by=batch.by, done=counts["done"], failed=counts["failed"], left=counts["waiting"])


@committing("batch.cancel")
def cancel_batch(batch: Batch, *, by: User | None = None) -> None:
    """Stop at the next certificate. Raises Conflict once it is over."""
    by = acting(by)
    batch_permissions.require(by, "change", batch)
    if not Batch.objects.filter(pk=batch.pk, state=Batch.State.WAITING).update(cancelled=True):
        raise Conflict(f"{batch} is over: there is nothing to stop any more.")
    record(Event.BATCH_CANCELLED, batch, by=by)


@committing("batch.retry")
def retry_batch(batch: Batch, *, by: User | None = None, now: datetime | None = None) -> None:
    """Try again where it failed, and go on where it was cancelled. Raises Conflict while it is at work, or if nothing
    is left to do."""
    by, now = acting(by), now or clock()
    batch_permissions.require(by, "change", batch)
    left = batch.items.exclude(state=BatchItem.State.DONE)
    if not left.exists():
        raise Conflict(f"{batch} was done to every certificate: there is nothing to try again.")
    over = Batch.objects.filter(pk=batch.pk, state=Batch.State.DONE)
    if not over.update(state=Batch.State.WAITING, cancelled=False, not_before=now):
        raise Conflict(f"{batch} is still at work: wait until it is over, or stop it first.")
    left.update(state=BatchItem.State.WAITING, error="")
    record(Event.BATCH_RETRIED, batch, by=by)
    enqueue("certificates.carry_out_batch", batch.pk)


def due_batches(now: datetime | None = None) -> list[int]:
    """Those that a sweep must take up."""
    return list(Batch.objects.due(now).order_by("not_before").values_list("pk", flat=True)[:100])
