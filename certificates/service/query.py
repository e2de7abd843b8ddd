"""Questions about certificates that the seed asks by function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Count, F
from django.http import HttpRequest, QueryDict
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from certificates.filters import CertificateFilter, like
from certificates.models import Certificate, CertificateQuerySet
from certificates.permissions import permissions
from core.errors import Invalid
from stores.models import Source
from web.counts import remembered
from web.lists import Listing

# The seed's arguments that the list dialect spells in its own way.
DIALECT = {"sort_by": "sortBy", "sort_dir": "sortDir"}
# What may be counted: the wire's name, and the column.
METRICS = {
    "authority": "authority__name",
    "bits": "bits",
    "issuer": "issuer",
    "key_type": "key_type",
    "not_after": "issuer",
    "owner": "owner",
    "signing_algorithm": "signing_algorithm",
    "status": "status",
}
STATS_KEPT = 60  # seconds
SECRET = frozenset({"private_key"})


def get(cert_id: int) -> Certificate | None:
    """By id."""
    return Certificate.objects.filter(pk=cert_id).first()


def get_by_name(name: str) -> Certificate | None:
    """By its exact name."""
    return Certificate.objects.filter(name=name).first()


def get_by_serial(serial: int | str) -> list[Certificate]:
    """By serial number, decimal."""
    return list(Certificate.objects.filter(serial=str(serial)))


def get_by_attributes(conditions: Mapping[str, Any]) -> list[Certificate]:
    """Those whose columns have these values; of a text with commas, any of its parts. What is no column is ignored."""
    rows = Certificate.objects.all()
    for name, value in conditions.items():
        if _is_column(name):
            rows = rows.filter(**{f"{name}__in": value.split(",") if isinstance(value, str) else [value]})
    return list(rows)


def _is_column(name: str) -> bool:
    try:
        return name not in SECRET and not Certificate._meta.get_field(name).many_to_many
    except FieldDoesNotExist:
        return False


def get_all_certs() -> CertificateQuerySet:
    """Every certificate, lazily: iterate over it, it may be long."""
    return Certificate.objects.all()


def get_all_valid_certs(
    authority_plugin_names: Iterable[str] = (),
    paginate: bool = False,
    page: int = 1,
    count: int = 1000,
    created_on_or_before: datetime | None = None,
) -> CertificateQuerySet:
    """Neither over nor revoked, newest first; with names of plugins, only what their authorities issued.

    All of them, or with ``paginate`` the page of that number, from 1. Invalid for a page or count below that.
    """
    rows = Certificate.objects.current(clock())
    if plugins := list(authority_plugin_names):
        rows = rows.filter(authority__plugin__in=plugins)
    if created_on_or_before:
        rows = rows.filter(date_created__lte=created_on_or_before)
    if not paginate:
        return rows
    if page < 1 or count < 1:
        raise Invalid.field("page", "Pages are counted from 1, and have at least one row.")
    return rows.order_by("-pk")[(page - 1) * count : page * count]


def get_all_pending_reissue(*, now: datetime | None = None) -> CertificateQuerySet:
    """What should be renewed now, lazily: see :meth:`~certificates.models.CertificateQuerySet.pending_reissue`."""
    return Certificate.objects.pending_reissue(now or clock())


def get_all_pending_cleaning(source: Source) -> CertificateQuerySet:
    """What is at this source and served by no endpoint, lazily; whether it is over does not matter."""
    return Certificate.objects.present().filter(sources=source, endpoints__isnull=True)


def get_all_pending_cleaning_expired(source: Source) -> CertificateQuerySet:
    """The same, and over."""
    return get_all_pending_cleaning(source).filter(not_after__lte=clock())


def get_all_pending_cleaning_expiring_in_days(source: Source, days: int) -> CertificateQuerySet:
    """The same, and over in at most so many days."""
    return get_all_pending_cleaning(source).filter(not_after__lt=clock() + timedelta(days=days))


def get_all_pending_cleaning_issued_since_days(source: Source, days: int) -> CertificateQuerySet:
    """The same, and known for at most so many days."""
    return get_all_pending_cleaning(source).filter(date_created__gt=clock() - timedelta(days=days))


def get_account_number(arn: str) -> str:
    """The account that an AWS address names. IndexError if it is none."""
    return arn.split(":")[4]


def get_name_from_arn(arn: str) -> str:
    """The name, with its path, that an AWS address of a server certificate ends in. IndexError if it is none."""
    return arn.split("/", 1)[1]


def render(args: Mapping[str, Any], *, by: User | None = None) -> dict[str, Any]:
    """One page of the certificates that the caller may see, as asked in the list dialect: ``{"items", "total"}``."""
    by = acting(by, args.get("user"))
    return _page(args, by=by)


def query_name(certificate_name: str, args: Mapping[str, Any], *, by: User | None = None) -> dict[str, Any]:
    """The same of those with this exact name: one, or none."""
    by = acting(by, args.get("user"))
    return _page(args, by=by, rows=Certificate.objects.present().filter(name=certificate_name))


def query_common_name(common_name: str, args: Mapping[str, Any], *, by: User | None = None) -> dict[str, Any]:
    """The same of those that are usable: not over, not revoked, not replaced.

    Common name and ``args["owner"]`` are compared without regard to case, ``%`` stands for anything; ``args["san"]`` is
    part of a name.
    """
    by = acting(by, args.get("user"))
    rest = {name: value for name, value in args.items() if name not in ("filter", "owner", "san")}
    return _page(rest, by=by, rows=usable(common_name, owner=args.get("owner"), san=args.get("san")))


def usable(common_name: str, *, owner: str | None = None, san: str | None = None) -> CertificateQuerySet:
    """The rows of :func:`query_common_name`."""
    rows = Certificate.objects.current(clock()).unreplaced().filter(like("cn", common_name))
    if owner:
        rows = rows.filter(like("owner", owner))
    if san:
        rows = rows.filter(domains__name__icontains=san).distinct()
    return rows


def _page(args: Mapping[str, Any], *, by: User, rows: CertificateQuerySet | None = None) -> dict[str, Any]:
    params = QueryDict(mutable=True)
    for name, value in args.items():
        if value is not None and name != "user":
            params[DIALECT.get(name, name)] = str(value)
    visible = permissions.allowed(by, "view", Certificate.objects.present() if rows is None else rows)
    request = cast(HttpRequest, SimpleNamespace(user=by))
    listing = Listing(CertificateFilter, visible, params, request=request, form=False)
    return {"items": list(listing.items), "total": listing.total}


def stats(**kwargs: Any) -> dict[str, list[Any]]:
    """How many certificates there are per value of ``metric``, most first: ``{"labels", "values"}``.

    ``not_after``: per issuer, of those that end within ``range`` weeks (32). ``destination_id`` and ``active`` narrow.
    Of more than 10,000 certificates the answer may be a minute old.
    """
    metric = str(kwargs.get("metric") or "")
    if metric not in METRICS:
        raise Invalid(f"Failed to retrieve stats: Stats not available for requested metric: {metric[:100]}")

    def count() -> list[tuple[Any, int]]:
        rows = _counted(metric, kwargs).order_by().values_list(F(METRICS[metric]))
        return list(rows.annotate(number=Count("pk")).order_by("-number"))

    question = [metric, *(kwargs.get(name) for name in ("range", "destination_id", "active"))]
    found = remembered(("stats", question), count, size=_sum, seconds=STATS_KEPT)
    return {"labels": [label for label, _ in found], "values": [number for _, number in found]}


def _sum(found: Iterable[tuple[Any, int]]) -> int:
    return sum(number for _, number in found)


def _counted(metric: str, kwargs: Mapping[str, Any]) -> CertificateQuerySet:
    rows = Certificate.objects.present()
    if metric == "not_after":
        now = clock()
        weeks = timedelta(weeks=int(kwargs.get("range") or 32))
        rows = rows.filter(not_after__gte=now, not_after__lte=now + weeks)
    if kwargs.get("destination_id") is not None:
        rows = rows.filter(deployments__destination=kwargs["destination_id"])
    if kwargs.get("active") is not None:
        rows = rows.filter(notify=kwargs["active"])
    return rows


def phases(rows: CertificateQuerySet) -> dict[str, int]:
    """How many of these rows are in which phase; of more than 10,000 the answer may be a minute old."""
    question = ("phases", rows.order_by().values("pk").query.sql_with_params())
    count = partial(rows.count_by_phase, clock())
    return remembered(question, count, size=lambda found: sum(found.values()), seconds=STATS_KEPT)
