"""What is seen from outside: figures for Prometheus, each worked out from the rows when it is asked for.

So every process says the same, a worker that died leaves no gap, and nothing has to be kept in step. ``docs/reference``
has all of them; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

from django.apps import apps
from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils.timezone import now as clock
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from authorities.models import Crl, Responder
from certificates.models import Certificate, Deployment, Order
from certificates.service.query import phases
from core.jobs import Job
from core.models import SweepRun
from web.counts import remembered

OVERDUE = timedelta(minutes=15)
KEPT = 60  # seconds, of what takes long to count


def exposition(*, now: datetime | None = None) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Rows(now or clock()))
    return generate_latest(registry)


class _Rows(Collector):
    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        yield _certificates()
        yield _first_end(self.now)
        yield from _jobs(self.now)
        yield from _sweeps()
        yield from _lists(self.now)
        yield _responders(self.now)
        yield _calls()


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"lemur_{name}", text, labels=labels)


def _certificates() -> Gauge:
    family = _gauge("certificates", "Certificates by phase.", "phase")
    for phase, number in phases(Certificate.objects.present()).items():
        family.add_metric([phase], number)
    return family


def _first_end(now: datetime) -> Gauge:
    """Of what is in use: over it is not counted, since that is too late to be warned of."""
    family = _gauge("first_end_timestamp_seconds", "When the first certificate in use ends, by where it is.", "where")
    valid = Certificate.objects.current(now).unreplaced()
    delivered = valid.filter(pk__in=Deployment.objects.filter(state=Job.State.DONE).values("certificate"))
    places = {"destination": delivered, "endpoint": valid.filter(endpoints__isnull=False)}
    for where, rows in places.items():
        first = rows.order_by().aggregate(first=Min("not_after"))["first"]
        if first is not None:
            family.add_metric([where], first.timestamp())
    return family


def _jobs(now: datetime) -> Iterator[Gauge]:
    """Of what is not done: a finished job is of no interest here, and there are many."""
    state = _gauge("jobs", "Jobs that are not done. Overdue are those due for a quarter of an hour.", "kind", "state")
    for model in (one for one in apps.get_models() if issubclass(one, Job)):
        due = Q(state=Job.State.WAITING, not_before__lte=now)
        counts = model._default_manager.exclude(state=Job.State.DONE).aggregate(
            waiting=Count("pk", Q(state=Job.State.WAITING)),
            due=Count("pk", due),
            overdue=Count("pk", due & Q(not_before__lte=now - OVERDUE)),
            failed=Count("pk", Q(state=Job.State.FAILED)),
            unknown=Count("pk", Q(state=Job.State.UNKNOWN)),
        )
        for name, number in counts.items():
            state.add_metric([model._meta.model_name or "", name], number)
    yield state


def _sweeps() -> Iterator[Gauge]:
    success = _gauge("sweep_last_success_timestamp_seconds", "When each sweep was begun that ended well.", "sweep")
    period = _gauge("sweep_period_seconds", "How often each sweep runs.", "sweep")
    for run in SweepRun.objects.all():
        if run.succeeded_at is not None:
            success.add_metric([run.name], run.succeeded_at.timestamp())
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        period.add_metric([name], cast(float, entry["schedule"]))
    seen = _gauge("beat_last_seen_timestamp_seconds", "When the timetable last had a sweep begun.")
    last = SweepRun.objects.aggregate(last=Max("begun_at"))["last"]
    if last is not None:
        seen.add_metric([], last.timestamp())
    yield from (success, period, seen)


def _lists(now: datetime) -> Iterator[Gauge]:
    """The last revocation list of each authority that is not over: nobody asks for another one then."""
    begins = _gauge("crl_this_update_timestamp_seconds", "When an authority's revocation list was made.", "authority")
    ends = _gauge("crl_next_update_timestamp_seconds", "When an authority's revocation list is over.", "authority")
    rows = Crl.objects.filter(authority__not_after__gt=now).values("authority__name").order_by("authority__name")
    for row in rows.annotate(begins=Max("this_update"), ends=Max("next_update")):
        begins.add_metric([row["authority__name"]], row["begins"].timestamp())
        ends.add_metric([row["authority__name"]], row["ends"].timestamp())
    yield from (begins, ends)


def _responders(now: datetime) -> Gauge:
    """The last one of each authority that is not over itself. One that ends with its authority has no successor."""
    family = _gauge(
        "ocsp_responder_end_timestamp_seconds",
        "When the certificate of an authority's OCSP responder ends.",
        "authority",
    )
    rows = Responder.objects.filter(authority__not_after__gt=now).exclude(private_key="")
    rows = rows.exclude(not_after__gte=F("authority__not_after"))
    for name, end in rows.values_list("authority__name").annotate(Max("not_after")).order_by("authority__name"):
        family.add_metric([name], end.timestamp())
    return family


def _calls() -> Gauge:
    """From the orders, which know how often they were tried and how often that went wrong."""
    family = _gauge("ca_calls", "How often each authority was asked, by what came of it.", "authority", "result")
    asked = Order.objects.values_list("authority__name").order_by("authority__name")

    def count() -> list[tuple[str, int, int]]:
        return list(asked.annotate(Count("certificate"), Sum("failures")))

    for name, issued, failures in remembered("ca calls", count, size=_orders, seconds=KEPT):
        family.add_metric([name, "issued"], issued)
        family.add_metric([name, "failed"], failures)
    return family


def _orders(found: list[tuple[str, int, int]]) -> int:
    return sum(issued for _, issued, _ in found)
