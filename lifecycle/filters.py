"""What endpoints can be narrowed and sorted by: one FilterSet for the pages and the API."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from lifecycle.models import Alarm, Brake, Endpoint, EndpointRotation, Finding, Sync
from stores.models import Source
from web.lists import FilterSet, NumberFilter, RowFilter, YesNoFilter

ALIASES = {"aliases": Cast("dns_aliases", TextField())}


class EndpointFilter(FilterSet):
    """Contract 11: name also finds aliases, source is part of its label."""

    q = django_filters.CharFilter(method="search", label="Search")
    name = django_filters.CharFilter(method="by_name", label="Name")
    dnsname = django_filters.CharFilter(lookup_expr="icontains", label="Host")
    port = NumberFilter(label="Port", min_value=0, max_value=65535)
    type = django_filters.CharFilter(lookup_expr="icontains", label="Type")
    owner = django_filters.CharFilter(lookup_expr="icontains", label="Owner")
    active = YesNoFilter(label="Active")
    ciphers = django_filters.CharFilter(method="by_cipher", label="Cipher")
    source = django_filters.CharFilter(field_name="source__label", lookup_expr="icontains", label="Source")
    troubled = YesNoFilter(field_name="problems", method="in_trouble", label="Serves something else")
    source_id = RowFilter(field_name="source", queryset=Source.objects.all(), label="Source")
    certificate_id = NumberFilter(field_name="certificate")
    ordering = django_filters.OrderingFilter(
        fields=("id", "name", "dnsname", "port", "type", "owner", "active", "last_updated", "date_created")
    )

    class Meta:
        model = Endpoint
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Endpoint], name: str, value: str) -> QuerySet[Endpoint]:
        """Host, name, alias, or the name of the certificate."""
        text = value.strip()
        return rows.alias(**ALIASES).filter(self._named(text) | Q(certificate__name__icontains=text))

    def by_name(self, rows: QuerySet[Endpoint], name: str, value: str) -> QuerySet[Endpoint]:
        """Part of the name, the host, or an alias."""
        return rows.alias(**ALIASES).filter(self._named(value))

    def _named(self, text: str) -> Q:
        return Q(name__icontains=text) | Q(dnsname__icontains=text) | Q(aliases__icontains=text)

    def in_trouble(self, rows: QuerySet[Endpoint], name: str, value: bool) -> QuerySet[Endpoint]:
        """Was something not as it should be when it was looked at last?"""
        return rows.exclude(problems=[]) if value else rows.filter(problems=[])

    def by_cipher(self, rows: QuerySet[Endpoint], name: str, value: str) -> QuerySet[Endpoint]:
        """Part of the name of one of its ciphers."""
        return rows.alias(offered=Cast("policy", TextField())).filter(offered__icontains=value)


class AlarmFilter(FilterSet):
    """Kind, and whether it still does not work."""

    q = django_filters.CharFilter(method="search", label="Search")
    kind = django_filters.CharFilter(label="Kind")
    owner = django_filters.CharFilter(lookup_expr="icontains", label="Owner")
    over = YesNoFilter(field_name="resolved_at", method="is_over", label="Works again")
    ordering = django_filters.OrderingFilter(fields=("since", "kind", "label", "owner"))

    class Meta:
        model = Alarm
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Alarm], name: str, value: str) -> QuerySet[Alarm]:
        """Part of what it is about, or of what was said."""
        text = value.strip()
        return rows.filter(Q(label__icontains=text) | Q(error__icontains=text))

    def is_over(self, rows: QuerySet[Alarm], name: str, value: bool) -> QuerySet[Alarm]:
        """Does it work again?"""
        return rows.filter(resolved_at__isnull=not value)

    def filter_queryset(self, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        """Those that are open, unless somebody asks."""
        rows: QuerySet[Alarm] = super().filter_queryset(queryset)
        return rows if self.data.get("over") else rows.filter(resolved_at=None)


class RotationFilter(FilterSet):
    """State, endpoint and certificate."""

    q = django_filters.CharFilter(method="search", label="Search")
    state = django_filters.ChoiceFilter(choices=EndpointRotation.State.choices, label="State")
    endpoint_id = NumberFilter(field_name="endpoint")
    certificate_id = NumberFilter(field_name="certificate")
    ordering = django_filters.OrderingFilter(fields=("id", "created_at", "verified_at"))

    class Meta:
        model = EndpointRotation
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[EndpointRotation], name: str, value: str) -> QuerySet[EndpointRotation]:
        """Part of the host, or of the name of the certificate."""
        text = value.strip()
        return rows.filter(Q(endpoint__dnsname__icontains=text) | Q(certificate__name__icontains=text))


class BrakeFilter(FilterSet):
    """Whether something is held still."""

    open = YesNoFilter(label="Open")
    ordering = django_filters.OrderingFilter(fields=("id", "began_at"))

    class Meta:
        model = Brake
        fields: tuple[str, ...] = ()


class FindingFilter(FilterSet):
    """State, source, and part of a name or of where it was."""

    q = django_filters.CharFilter(method="search", label="Search")
    state = django_filters.ChoiceFilter(choices=Finding.State.choices, label="State")
    source_id = RowFilter(field_name="source", queryset=Source.objects.all(), label="Source")
    ordering = django_filters.OrderingFilter(fields=("id", "found_at"))

    class Meta:
        model = Finding
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Finding], name: str, value: str) -> QuerySet[Finding]:
        """Part of the certificate's name, or of where it was found."""
        text = value.strip()
        return rows.filter(Q(certificate__name__icontains=text) | Q(where__icontains=text))


class SyncFilter(FilterSet):
    """State and source."""

    state = django_filters.ChoiceFilter(choices=Sync.State.choices, label="State")
    source_id = NumberFilter(field_name="source")
    ordering = django_filters.OrderingFilter(fields=("id", "begun_at"))

    class Meta:
        model = Sync
        fields: tuple[str, ...] = ()
