"""What certificates can be narrowed and sorted by: one FilterSet for the pages, the API and ``service.render``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce

import django_filters
from django import forms
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now as clock

from authorities.models import Authority
from certificates.models import (
    Batch,
    Certificate,
    CertificateDomain,
    CertificateQuerySet,
    Domain,
    Order,
    RotationPolicy,
    Tag,
    searching,
)
from certificates.models.certificate import SOON
from certificates.tags import MOST
from notifications.models import Notification
from stores.models import Destination, Source
from web.lists import FilterSet, NumberFilter, NumbersFilter, RowFilter, TextsFilter, YesNoFilter
from web.wildcards import plain

Rows = CertificateQuerySet

SAID = {"ECCPRIME256V1": "P-256", "ECCSECP384R1": "P-384", "ECCSECP521R1": "P-521"}
PHASES = {
    "valid": "Valid",
    "expiring": "Expires within 30 days",
    "expired": "Expired",
    "revoked": "Revoked",
    "replaced": "Replaced",
    "not-yet-valid": "Not valid yet",
}
SORTABLE = (
    "id",
    "name",
    "cn",
    "owner",
    "issuer",
    "serial",
    "not_before",
    "not_after",
    "date_created",
    "bits",
    "key_type",
    "description",
    "external_id",
    "notify",
    "rotation",
    "san",
    "signing_algorithm",
    "status",
)


# Whoever asks for one of these asks for what is over, too.
ASKS_FOR_OLD_ONES = ("phase", "id", "filter_id", "serial", "filter_serial", "fingerprint", "fixed_name")
USUAL_MONTHS = 1
_SEPARATORS = re.compile(r"[\s:-]")


def long_ago() -> datetime:
    """What ended by then has been over for HIDE_EXPIRED_CERTS_AFTER_MONTHS, of 30 days each, or for a month.

    The same moment for a whole day, so that counts of the same list are remembered. Lemur writes them as negative.
    """
    months = abs(settings.HIDE_EXPIRED_CERTS_AFTER_MONTHS or USUAL_MONTHS)
    today = clock().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=30 * months)


def serial_number(text: str) -> str:
    """A serial as we store it, from decimal, ``0x`` and hex, or hex with colons.

    Other text finds nothing (contract 7.1).
    """
    text = text.strip()
    hexadecimal = text[2:] if text.lower().startswith("0x") else text.replace(":", "") if ":" in text else ""
    if hexadecimal and len(hexadecimal) <= 256 and re.fullmatch(r"[0-9a-fA-F]+", hexadecimal):
        return str(int(hexadecimal, 16))
    return text


def anything_like(text: str) -> Q:
    """A part of a name, common name, domain, owner or issuer, or a serial number or fingerprint: all have an index."""
    text = text.strip()
    anywhere = searching.mentions(text) | Q(owner__icontains=text) | Q(issuer__icontains=text)
    return anywhere | Q(serial__in=serial_numbers(text)) | Q(fingerprint=_SEPARATORS.sub("", text).lower())


def serial_numbers(text: str) -> set[str]:
    """Every serial that the text may mean, as we store them; hex is taken with spaces or hyphens and bare as well."""
    bare = _SEPARATORS.sub("", text)
    return {serial_number(text), *([serial_number("0x" + bare)] if bare else [])}


def like(field: str, pattern: str) -> Q:
    """A column that is as the pattern says, without regard to case; ``%`` stands for any text (contract 7.2, 10.14)."""
    return Q(**{f"{field}__wildcards": plain(pattern).replace("_", r"\_")})


def text_filter(*fields: str, label: str = "", domains: bool = False) -> django_filters.CharFilter:
    """A case-insensitive part of any of the columns; in double quotes, the whole value. ``%`` and ``_`` are wildcards.

    Contract 7.2. On PostgreSQL an index of trigrams finds parts of the columns that :meth:`CertificateFilter.search`
    looks at.
    """
    among_names = set(fields) <= set(searching.COLUMNS)
    all_names = domains and {*fields, "domain_names"} == set(searching.COLUMNS)

    def narrow(rows: Rows, name: str, value: str) -> Rows:
        whole = len(value) > 2 and value.startswith('"') and value.endswith('"')
        text = plain(value[1:-1] if whole else value)
        if all_names and not whole and not set(text) & set("%_"):
            return rows.filter(searching.mentions_like(text))
        pattern = text if whole else f"%{text}%"
        condition = Q()
        for field in fields:
            condition |= Q(**{f"{field}__wildcards": pattern})
        if domains:
            condition |= _named(text) if whole else Q(domain_names__wildcards=pattern)
        return rows.filter(searching.mentions_like(text), condition) if among_names else rows.filter(condition)

    return django_filters.CharFilter(method=narrow, label=label)


def _named(pattern: str) -> Q:
    """One of its domains is as the pattern says; a column of its own says first where that can be at all."""
    names = CertificateDomain.objects.filter(certificate=OuterRef("pk"), domain__name__wildcards=pattern)
    return Q(domain_names__wildcards=f"%{pattern}%") & Q(Exists(names))


class CertificateFilter(FilterSet):
    """Plain parameters where Lemur has them, ``filter_…`` for the other meaning of ``filter=key;value``.

    What expired long ago is hidden with ``showExpired=0`` and shown with ``1``; if neither is said it is hidden where
    the site has set how long that is, and nobody asked for something old.
    """

    searched = frozenset({"q", "name", "cn", "filter_owner", "issuer"})

    q = django_filters.CharFilter(method="search", label="Search")
    name = text_filter("name", "cn", label="Name", domains=True)
    cn = text_filter("cn", label="Common name or domain", domains=True)
    fixed_name = django_filters.CharFilter(field_name="name", lookup_expr="exact")
    filter_owner = text_filter("owner", label="Owner")
    owner = django_filters.CharFilter(lookup_expr="iexact", label="Owner")
    issuer = text_filter("issuer", "authority__name", label="Issuer")
    authority = RowFilter(queryset=Authority.objects.all(), label="Authority")
    phase = django_filters.ChoiceFilter(choices=list(PHASES.items()), method="in_phase", label="State")
    serial = django_filters.CharFilter(method="by_serial", label="Serial number")
    filter_serial = text_filter("serial")
    fingerprint = django_filters.CharFilter(method="by_fingerprint", label="SHA-256 fingerprint")
    filter_id = NumberFilter(field_name="id")
    id = NumbersFilter(field_name="id", lookup_expr="in")
    notify = YesNoFilter()
    active = YesNoFilter(field_name="notify")
    rotation = YesNoFilter(label="Renews itself")
    rotation_policy = RowFilter(queryset=RotationPolicy.objects.all(), label="Rotation policy")
    destination = RowFilter(
        field_name="deployments__destination", queryset=Destination.objects.all(), label="Destination"
    )
    filter_destination = NumberFilter(field_name="deployments__destination")
    destination_id = NumberFilter(field_name="deployments__destination")
    notification = RowFilter(field_name="notifications", queryset=Notification.objects.all(), label="Notification")
    notification_id = NumberFilter(field_name="notifications")
    tag = TextsFilter(method="bearing", label="Tag", help_text="Several with commas: those with all of them.")
    source = RowFilter(field_name="sources", queryset=Source.objects.all(), label="Source")
    status = django_filters.CharFilter(lookup_expr="iexact")
    filter_status = text_filter("status")
    description = text_filter("description")
    key_type = django_filters.CharFilter(method="by_key_type", label="Key type")
    signing_algorithm = text_filter("signing_algorithm")
    body = text_filter("body")
    chain = text_filter("chain")
    csr = text_filter("csr")
    external_id = text_filter("external_id")
    san = YesNoFilter(method="with_several_names", label="Several names")
    bits = NumberFilter()
    creator = django_filters.CharFilter(method="by_creator", label="Creator")
    show = django_filters.CharFilter(method="mine", label="Mine")
    time_range = NumberFilter(method="within_weeks", min_value=0, max_value=5200)
    show_expired = django_filters.CharFilter(
        method="decided_below",
        widget=forms.Select(choices=[("", "Hidden"), ("1", "Shown")]),
        label="Expired long ago",
    )
    ordering = django_filters.OrderingFilter(fields=SORTABLE)

    class Meta:
        model = Certificate
        fields: tuple[str, ...] = ()

    def search(self, rows: Rows, name: str, value: str) -> Rows:
        """The one search box."""
        return rows.filter(anything_like(value))

    def in_phase(self, rows: Rows, name: str, value: str) -> Rows:
        """The same phases, in the same order of precedence, as ``Certificate.phase``."""
        now = clock()
        unrevoked = rows.exclude(status="revoked")
        alive = unrevoked.filter(not_after__gt=now)
        fresh = alive.unreplaced()
        started = fresh.filter(not_before__lte=now)
        phases: dict[str, Callable[[], Rows]] = {
            "revoked": lambda: rows.filter(status="revoked"),
            "expired": lambda: unrevoked.filter(not_after__lte=now),
            "replaced": alive.already_replaced,
            "not-yet-valid": lambda: fresh.filter(not_before__gt=now),
            "expiring": lambda: started.filter(not_after__lte=now + SOON),
            "valid": lambda: started.filter(not_after__gt=now + SOON),
        }
        return phases[value]()

    def by_serial(self, rows: Rows, name: str, value: str) -> Rows:
        """Exact, in any usual spelling."""
        return rows.filter(serial=serial_number(value))

    def by_fingerprint(self, rows: Rows, name: str, value: str) -> Rows:
        """Exact, with or without colons."""
        return rows.filter(fingerprint=value.replace(":", "").strip().lower())

    def by_key_type(self, rows: Rows, name: str, value: str) -> Rows:
        """A substring of the name on the wire (ECCPRIME256V1), or what people say (P-256, RSA 2048)."""
        text = value.strip().replace(" ", "")
        wire = next((key for key, said in SAID.items() if said.casefold() == text.casefold()), text)
        return rows.filter(key_type__icontains=wire)

    def bearing(self, rows: Rows, name: str, value: list[str]) -> Rows:
        """With each of these tags."""
        wanted = sorted({tag for text in value if (tag := text.strip().lower())})
        if len(wanted) > MOST:  # nor would a database go on joining for ever
            return rows.none()
        return reduce(Rows.bearing, wanted, rows)

    def with_several_names(self, rows: Rows, name: str, value: bool) -> Rows:
        """The column is true or null."""
        return rows.filter(san=True) if value else rows.exclude(san=True)

    def by_creator(self, rows: Rows, name: str, value: str) -> Rows:
        """By user name or e-mail address."""
        return rows.filter(Q(user__username=value) | Q(user__email__iexact=value))

    def mine(self, rows: Rows, name: str, value: str) -> Rows:
        """Created by me, or owned by me or one of my roles."""
        user = self.request.user
        return rows.filter(
            Q(user=user)
            | Q(owner=user.email)
            | Q(pk__in=rows.model.roles.through.objects.filter(role_id__in=user.role_ids).values("certificate_id"))
        )

    def within_weeks(self, rows: Rows, name: str, value: int) -> Rows:
        """Ends between now and so many weeks from now."""
        now = clock()
        return rows.filter(not_after__gte=now, not_after__lte=now + timedelta(weeks=int(value)))

    def decided_below(self, rows: Rows, name: str, value: str) -> Rows:
        """By :meth:`filter_queryset`, since saying nothing may hide something as well."""
        return rows

    def filter_queryset(self, queryset: Rows) -> Rows:
        """Narrow as asked, and without what expired long ago, see the class."""
        rows: Rows = super().filter_queryset(queryset)
        return rows.filter(not_after__gt=long_ago()) if self.hides_expired else rows

    @property
    def hides_expired(self) -> bool:
        """Is what expired long ago hidden?"""
        if said := self.data.get("show_expired"):
            return bool(said != "1")
        return self.usually_hides() and not any(self.data.get(name) for name in ASKS_FOR_OLD_ONES)

    def usually_hides(self) -> bool:
        """Is it hidden if nobody says anything?"""
        return bool(settings.HIDE_EXPIRED_CERTS_AFTER_MONTHS)


class CertificatePageFilter(CertificateFilter):
    """For people, who look for what is in use: a page hides what expired long ago, and says so."""

    ends_in = django_filters.CharFilter(method="in_month", label="Ends in")
    in_use = YesNoFilter(method="is_in_use", label="In use")

    def is_in_use(self, rows: Rows, name: str, value: bool) -> Rows:
        """Valid by date, not revoked, and without a newer one in its place."""
        used = rows.current(clock()).unreplaced()
        return used if value else rows.exclude(pk__in=used.order_by().values("pk"))

    def in_month(self, rows: Rows, name: str, value: str) -> Rows:
        """``2027-03``, in UTC; anything else finds nothing."""
        try:
            begins = datetime.strptime(value.strip(), "%Y-%m").replace(tzinfo=UTC)
            ends = (begins + timedelta(days=32)).replace(day=1)
        except (ValueError, OverflowError):
            return rows.none()
        return rows.filter(not_after__gte=begins, not_after__lt=ends)

    def usually_hides(self) -> bool:
        """Always."""
        return True

    @cached_property
    def hidden_before(self) -> datetime | None:
        """What ended by then is hidden; None if nothing is, or if there is nothing as old as that."""
        hidden = self.hides_expired and self.queryset.filter(not_after__lte=long_ago()).exists()
        return long_ago() if hidden else None


class BatchFilter(FilterSet):
    """Who began it, and whether it is over."""

    q = django_filters.CharFilter(field_name="by__username", lookup_expr="icontains", label="Search")
    state = django_filters.ChoiceFilter(choices=[("waiting", "At work"), ("done", "Over")], label="State")
    ordering = django_filters.OrderingFilter(fields=("id", "created_at"))

    class Meta:
        model = Batch
        fields: tuple[str, ...] = ()


class DomainFilter(FilterSet):
    """Part of the name, sensitive, held by a certificate."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Search")
    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    sensitive = YesNoFilter(label="Sensitive")
    ordering = django_filters.OrderingFilter(fields=("id", "name", "sensitive"))

    class Meta:
        model = Domain
        fields: tuple[str, ...] = ()


class TagFilter(FilterSet):
    """Part of the name."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Search")
    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    ordering = django_filters.OrderingFilter(fields={"id": "id", "name": "name", "number": "certificates"})

    class Meta:
        model = Tag
        fields: tuple[str, ...] = ()


class OrderFilter(FilterSet):
    """Common name, owner, state, authority."""

    q = django_filters.CharFilter(method="search", label="Search")
    cn = django_filters.CharFilter(field_name="spec__common_name", lookup_expr="icontains")
    name = django_filters.CharFilter(field_name="spec__name", lookup_expr="icontains")
    owner = django_filters.CharFilter(field_name="spec__owner", lookup_expr="icontains", label="Owner")
    authority = RowFilter(queryset=Authority.objects.all(), label="Authority")
    state = django_filters.ChoiceFilter(choices=Order.State.choices, label="State")
    ordering = django_filters.OrderingFilter(
        fields={
            "id": "id",
            "created_at": "created_at",
            "not_before": "not_before",
            "spec__owner": "owner",
            "spec__name": "name",
            "spec__common_name": "cn",
        }
    )

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        """Common name or owner."""
        text = value.strip()
        return rows.filter(Q(spec__common_name__icontains=text) | Q(spec__owner__icontains=text))
