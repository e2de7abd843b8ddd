"""What notifications can be narrowed and sorted by."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from notifications.models import Notification
from web.lists import FilterSet, YesNoFilter


class NotificationFilter(FilterSet):
    """Label, description, plugin, active; ``q`` searches the texts."""

    q = django_filters.CharFilter(method="search", label="Search")
    label = django_filters.CharFilter(lookup_expr="icontains", label="Label")
    description = django_filters.CharFilter(lookup_expr="icontains")
    plugin = django_filters.CharFilter(lookup_expr="icontains")
    active = YesNoFilter(label="Active")
    ordering = django_filters.OrderingFilter(fields=("id", "label", "description", "plugin", "active"))

    class Meta:
        model = Notification
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Notification], name: str, value: str) -> QuerySet[Notification]:
        """Label or description."""
        return rows.filter(Q(label__icontains=value) | Q(description__icontains=value))
