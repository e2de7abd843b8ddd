"""Which kinds of jobs there are, under the glossary's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat, NullIf
from django.utils.translation import gettext_lazy as _

from authorities import ledger
from certificates import service
from certificates.models import Batch, BatchItem, Certificate, Deployment, Order, Revocation, Suggestion
from certificates.models.questions import Status
from certificates.models.suggestion import RESTLESS
from certificates.service.orders import CANCELLED
from core.jobs import Job
from lifecycle import discovery, undoing
from lifecycle.jobs.reading import NO_TEXT, Kind, Note, Reference, Right
from lifecycle.models import Endpoint, EndpointRotation, Sync
from notifications import service as notifications
from notifications.models import Notice
from stores import service as stores
from stores.models import Destination, Scan, Source

FAILED: Final = Job.State.FAILED
KEPT_BATCHES: Final = timedelta(days=7)
"""How long a batch that failed with some certificates stands among what did not work: its page keeps it for good."""


def named(path: str) -> Any:
    """How lists call the certificate at the end of this path."""
    return Coalesce(NullIf(F(f"{path}__cn"), Value("")), F(f"{path}__name"))


def _present(now: datetime) -> Q:
    """Nothing is left to mend for a certificate that is over."""
    return Q(state=FAILED, certificate__not_after__gt=now, certificate__deleted=False)


def _orders(now: datetime) -> Q:
    """Of several that renew one certificate, the last speaks for all."""
    later = Exists(Order.objects.filter(reissues=OuterRef("reissues"), pk__gt=OuterRef("pk")))
    renews = Q(~later, reissues__not_after__gt=now, reissues__deleted=False)
    return Q(state=FAILED) & ~Q(last_error__startswith=CANCELLED) & (Q(reissues=None) | renews)


def _revocations(now: datetime) -> Q:
    later = Exists(Revocation.objects.filter(certificate=OuterRef("certificate"), pk__gt=OuterRef("pk")))
    revoked = Q(certificate__status=Status.REVOKED) & ~Q(reason=ledger.RELEASE)
    return Q(~later, state=FAILED, certificate__not_after__gt=now) & ~revoked


def _batches(now: datetime) -> Q:
    failed = Exists(BatchItem.objects.filter(batch=OuterRef("pk"), state=BatchItem.State.FAILED))
    return Q(failed, state=Batch.State.DONE, not_before__gt=now - KEPT_BATCHES)


def _items(*states: str) -> Subquery:
    """How many certificates of a batch are in one of these states; null for none."""
    items: QuerySet[Any] = BatchItem.objects.filter(batch=OuterRef("pk"), state__in=states).order_by()
    return Subquery(items.values("batch").annotate(n=Count("pk")).values("n"))


def _count(*states: str) -> Any:
    return Coalesce(_items(*states), Value(0))


def _switched_off(path: str) -> Any:
    return Case(When(**{path: False}, then=Value(Note.OFF)), default=NO_TEXT, output_field=CharField())


STOPPING = Case(When(cancelled=True, then=Value(Note.STOPPING)), default=NO_TEXT, output_field=CharField())
TURN = Case(
    When(destination__active=False, then=Value(Note.OFF)),
    When(~Exists(Deployment.objects.in_turn().filter(pk=OuterRef("pk"))), then=Value(Note.TURN)),
    default=NO_TEXT,
    output_field=CharField(),
)
DONE, BROKEN, LEFT = BatchItem.State.DONE, BatchItem.State.FAILED, BatchItem.State.WAITING
CERTIFICATE = Reference("certificate", F("certificate"), named("certificate"))
SIGNER = Reference("authority", F("certificate__authority"), F("certificate__authority__name"))
SOURCE = Reference("source", F("source"), F("source__label"))
SEES_CERTIFICATE = Right("view", Certificate, "certificate")
CHANGES_CERTIFICATE = Right("change", Certificate, "certificate")
RUNS_SOURCE = Right("change", Source, "source")
NAMES = ("certificate__name", "certificate__cn")

ORDER = Kind(
    "order",
    _("Order"),
    Order,
    about=Reference("order", F("pk"), Coalesce(NullIf(KT("spec__common_name"), Value("")), KT("spec__owner"))),
    place=Reference("authority", F("authority"), F("authority__name")),
    seen=(Right("view", Order),),
    right=Right("change", Order),
    retry=service.retry_order,
    related=("authority", "by", "reissues"),
    searched=("spec__common_name", "spec__owner"),
    given_up=_orders,
)
DEPLOYMENT = Kind(
    "deployment",
    _("Delivery"),
    Deployment,
    about=CERTIFICATE,
    place=Reference("destination", F("destination"), F("destination__label")),
    seen=(Right("view", Deployment), SEES_CERTIFICATE, Right("view", Destination, "destination")),
    right=CHANGES_CERTIFICATE,
    retry=service.retry_deployment,
    related=("certificate", "destination"),
    searched=(*NAMES, "destination__label"),
    given_up=_present,
    note=TURN,
)
ROTATION = Kind(
    "rotation",
    _("Rotation"),
    EndpointRotation,
    about=CERTIFICATE,
    place=Reference(
        "endpoint", F("endpoint"), Concat("endpoint__dnsname", Value(":"), Cast("endpoint__port", CharField()))
    ),
    seen=(Right("view", EndpointRotation), SEES_CERTIFICATE, Right("view", Endpoint, "endpoint")),
    right=Right("retry", EndpointRotation),
    retry=undoing.retry,
    related=("certificate", "endpoint"),
    searched=(*NAMES, "endpoint__dnsname"),
    given_up=lambda now: _present(now) & Q(rolled_back_at=None),
    note=_switched_off("endpoint__active"),
)
REVOCATION = Kind(
    "revocation",
    _("Revocation"),
    Revocation,
    about=CERTIFICATE,
    place=SIGNER,
    seen=(Right("view", Revocation), SEES_CERTIFICATE),
    right=Right("revoke", Certificate, "certificate"),
    retry=service.retry_revocation,
    related=("certificate",),
    searched=NAMES,
    given_up=_revocations,
)
BATCH = Kind(
    "batch",
    _("Batch"),
    Batch,
    about=Reference("batch", F("pk"), F("verb")),
    seen=(Right("view", Batch),),
    right=Right("change", Batch),
    retry=service.retry_batch,
    stop=service.cancel_batch,
    related=("by",),
    searched=("verb", "by__username"),
    given_up=_batches,
    fails_done=True,
    reached=_count(DONE, BROKEN),
    out_of=_count(DONE, BROKEN, LEFT),
    broken=_count(BROKEN),
    note=STOPPING,
)
SYNC = Kind(
    "sync",
    _("Sync"),
    Sync,
    about=SOURCE,
    seen=(Right("view", Sync), Right("view", Source, "source")),
    right=RUNS_SOURCE,
    retry=discovery.retry_sync,
    stop=discovery.cancel,
    related=("source",),
    searched=("source__label",),
    since=F("begun_at"),
    given_up=lambda now: Q(state=FAILED, cancelled=False, source__active=True),
    reached=F("seen"),
    note=Case(
        When(source__active=False, then=Value(Note.OFF)),
        When(cancelled=True, then=Value(Note.STOPPING)),
        default=NO_TEXT,
        output_field=CharField(),
    ),
)
SCAN = Kind(
    "scan",
    _("Scan"),
    Scan,
    about=SOURCE,
    seen=(Right("view", Scan), RUNS_SOURCE),  # what is found there is shown to nobody else
    right=RUNS_SOURCE,
    retry=stores.retry_scan,
    related=("source",),
    searched=("source__label",),
    since=None,
)
SUGGESTION = Kind(
    "suggestion",
    _("Suggestion"),
    Suggestion,
    about=CERTIFICATE,
    place=SIGNER,
    seen=(Right("view", Suggestion), SEES_CERTIFICATE),
    right=CHANGES_CERTIFICATE,
    retry=service.retry_suggestion,
    related=("certificate",),
    searched=NAMES,
    since=None,
    given_up=_present,
    restless=RESTLESS,
)
NOTICE = Kind(
    "notice",
    _("Notice"),
    Notice,
    about=Reference("notice", F("pk"), F("subject_label")),
    place=Reference("recipient", None, F("recipient")),
    seen=(Right("view", Notice),),
    right=Right("change", Notice),
    retry=notifications.retry_notice,
    related=("notification",),
    searched=("subject_label", "recipient"),
    given_up=lambda now: Q(state=FAILED, acknowledged_at=None),
    link=F("subject_url"),
)
KINDS: Final[Mapping[str, Kind]] = {
    one.name: one for one in (ORDER, DEPLOYMENT, ROTATION, REVOCATION, BATCH, SYNC, SCAN, SUGGESTION, NOTICE)
}
KIND_OF: Final[Mapping[type[Any], Kind]] = {one.model: one for one in KINDS.values()}
