"""What endpoints can be narrowed and sorted by: one FilterSet for the pages and the API."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from lifecycle.models import Endpoint
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

    def by_cipher(self, rows: QuerySet[Endpoint], name: str, value: str) -> QuerySet[Endpoint]:
        """Part of the name of one of its ciphers."""
        return rows.alias(offered=Cast("policy", TextField())).filter(offered__icontains=value)
