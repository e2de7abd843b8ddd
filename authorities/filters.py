"""What authorities and profiles can be narrowed and sorted by."""

from __future__ import annotations

import django_filters

from authorities.models import Authority, Profile
from web.lists import FilterSet, YesNoFilter


class AuthorityFilter(FilterSet):
    """Name, owner, description, active, and the common name of its own certificate."""

    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    owner = django_filters.CharFilter(lookup_expr="icontains", label="Owner")
    description = django_filters.CharFilter(lookup_expr="icontains")
    active = YesNoFilter()
    cn = django_filters.CharFilter(field_name="own_certificates__cn", lookup_expr="icontains", distinct=True)
    ordering = django_filters.OrderingFilter(fields=("id", "name", "owner", "description", "active", "not_after"))

    class Meta:
        model = Authority
        fields: tuple[str, ...] = ()


class ProfileFilter(FilterSet):
    """Name."""

    name = django_filters.CharFilter(lookup_expr="icontains")
    ordering = django_filters.OrderingFilter(fields=("id", "name"))

    class Meta:
        model = Profile
        fields: tuple[str, ...] = ()
