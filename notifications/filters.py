"""What notifications and notices can be narrowed and sorted by."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from notifications.models import Notice, NoticeQuerySet, Notification, Outcome
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


class NoticeFilter(FilterSet):
    """Recipient, kind, what became of it, what it is about; ``q`` searches recipients and what it is about."""

    q = django_filters.CharFilter(method="search", label="Search")
    recipient = django_filters.CharFilter(lookup_expr="iexact", label="Recipient")
    kind = django_filters.CharFilter(label="Kind")
    about = django_filters.CharFilter(field_name="topic", label="About")
    outcome = django_filters.ChoiceFilter(choices=Outcome.choices, method="came_of_it", label="State")
    ordering = django_filters.OrderingFilter(fields=("id", "created_at", "sent_at"))

    class Meta:
        model = Notice
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Notice], name: str, value: str) -> QuerySet[Notice]:
        """Recipient or label."""
        return rows.filter(Q(recipient__icontains=value) | Q(subject_label__icontains=value))

    def came_of_it(self, rows: NoticeQuerySet, name: str, value: str) -> NoticeQuerySet:
        """See Notice.outcome."""
        return rows.with_outcome(value)
