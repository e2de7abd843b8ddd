"""What destinations and sources can be narrowed and sorted by."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from stores.models import Destination, Source
from web.lists import FilterSet, YesNoFilter


class StoreFilter(FilterSet):
    """Label, description, plugin, active."""

    q = django_filters.CharFilter(method="search", label="Search")
    label = django_filters.CharFilter(lookup_expr="icontains", label="Label")
    description = django_filters.CharFilter(lookup_expr="icontains")
    plugin = django_filters.CharFilter(lookup_expr="icontains")
    active = YesNoFilter(label="In use")
    ordering = django_filters.OrderingFilter(fields=("id", "label", "plugin"))

    def search(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """A part of the label, the description or the plugin's name."""
        return rows.filter(Q(label__icontains=text) | Q(description__icontains=text) | Q(plugin__icontains=text))


class DestinationFilter(StoreFilter):
    """Of destinations."""

    class Meta:
        model = Destination
        fields: tuple[str, ...] = ()


class SourceFilter(StoreFilter):
    """Of sources."""

    class Meta:
        model = Source
        fields: tuple[str, ...] = ()
