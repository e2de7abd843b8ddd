"""What authorities and profiles can be narrowed and sorted by."""

from __future__ import annotations

import django_filters

from authorities.models import Authority, Profile
from web.lists import FilterSet, YesNoFilter


class AuthorityFilter(FilterSet):
    """Name, owner, description, active."""

    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    owner = django_filters.CharFilter(lookup_expr="icontains", label="Owner")
    description = django_filters.CharFilter(lookup_expr="icontains")
    active = YesNoFilter()
    ordering = django_filters.OrderingFilter(fields=("id", "name", "owner", "not_after"))

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
