"""What authorities, profiles and DNS providers can be narrowed and sorted by."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from authorities.models import Authority, DnsProvider, Profile
from web.lists import FilterSet, YesNoFilter


class AuthorityFilter(FilterSet):
    """Name, owner, description, active, and the common name of its own certificate."""

    q = django_filters.CharFilter(method="search", label="Search")
    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    owner = django_filters.CharFilter(lookup_expr="icontains", label="Owner")
    description = django_filters.CharFilter(lookup_expr="icontains")
    active = YesNoFilter(label="In use")
    cn = django_filters.CharFilter(field_name="own_certificates__cn", lookup_expr="icontains", distinct=True)
    ordering = django_filters.OrderingFilter(fields=("id", "name", "owner", "description", "active", "not_after"))

    class Meta:
        model = Authority
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """A part of the name, the owner or the description."""
        return rows.filter(Q(name__icontains=text) | Q(owner__icontains=text) | Q(description__icontains=text))


class ProfileFilter(FilterSet):
    """Name."""

    name = django_filters.CharFilter(lookup_expr="icontains")
    ordering = django_filters.OrderingFilter(fields=("id", "name"))

    class Meta:
        model = Profile
        fields: tuple[str, ...] = ()


class DnsProviderFilter(FilterSet):
    """Name, plugin, active."""

    q = django_filters.CharFilter(method="search", label="Search")
    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    plugin = django_filters.CharFilter(lookup_expr="icontains", label="Kind")
    active = YesNoFilter(label="In use")
    ordering = django_filters.OrderingFilter(fields=("id", "name", "plugin"))

    class Meta:
        model = DnsProvider
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """A part of the name, the description or the plugin's name."""
        return rows.filter(Q(name__icontains=text) | Q(description__icontains=text) | Q(plugin__icontains=text))
