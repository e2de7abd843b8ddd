"""What people, roles, API keys and the audit log can be narrowed and sorted by, on pages and over the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import ApiKey, Role, User
from certificates.models import Certificate
from certificates.models.searching import mentions
from core.audit import Event
from core.models import AuditEntry
from web.choices import Select
from web.forms import moment_input
from web.lists import FilterSet, NumbersFilter, RowFilter, YesNoFilter
from web.moments import MomentFilter
from web.templatetags.ui import happened

Rows = QuerySet[Any]
FEW = 500


def contains(field: str, label: str = "") -> django_filters.CharFilter:
    """A case-insensitive substring."""
    return django_filters.CharFilter(field_name=field, lookup_expr="icontains", label=label)


# Without a model in their Meta: lists below other resources use them too.
class UserFilter(FilterSet):
    """People."""

    q = django_filters.CharFilter(method="search", label="Search")
    id = NumbersFilter(field_name="id", lookup_expr="in")
    username = contains("username")
    email = contains("email")
    active = YesNoFilter(field_name="is_active", label="Active")
    role = RowFilter(field_name="roles", queryset=Role.objects.all(), label="Role")
    ordering = django_filters.OrderingFilter(
        fields={"id": "id", "username": "username", "email": "email", "is_active": "active", "last_login": "last_login"}
    )

    def search(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the user name, the address or the name."""
        text = value.strip()
        columns = ("username", "email", "first_name", "last_name")
        wanted = Q()
        for column in columns:
            wanted |= Q(**{f"{column}__icontains": text})
        return rows.filter(wanted)


class RoleFilter(FilterSet):
    """Roles."""

    q = django_filters.CharFilter(method="search", label="Search")
    id = NumbersFilter(field_name="id", lookup_expr="in")
    name = contains("name")
    description = contains("description")
    third_party = YesNoFilter(field_name="third_party")
    ordering = django_filters.OrderingFilter(fields=("id", "name", "description"))

    def search(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the name or the description."""
        text = value.strip()
        return rows.filter(Q(name__icontains=text) | Q(description__icontains=text))


class ApiKeyFilter(FilterSet):
    """API keys."""

    name = contains("name")
    user = contains("user__username")
    revoked = YesNoFilter()
    scope = django_filters.ChoiceFilter(choices=ApiKey.Scope.choices)
    ordering = django_filters.OrderingFilter(
        fields={"id": "id", "name": "name", "created_at": "issued_at", "expires_at": "expires_at"}
    )

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = ()


class LogFilter(FilterSet):
    """The audit log. Every filter is answered from an index: who, what and when, and for certificates by name."""

    q = django_filters.CharFilter(method="search", label="Search")
    event = django_filters.ChoiceFilter(
        choices=[(event, happened(event)) for event in sorted(Event)], label="Event", widget=Select
    )
    log_type = django_filters.ChoiceFilter(
        choices=[(word, word) for word in ("key_view", "create_cert", "update_cert", "revoke_cert", "delete_cert")],
        method="by_log_type",
    )
    actor = django_filters.CharFilter(method="by_actor", label="By (user name or address)")
    since = MomentFilter(field_name="at", lookup_expr="gte", label="From (UTC)", widget=moment_input())
    until = MomentFilter(field_name="at", lookup_expr="lt", label="Until (UTC)", widget=moment_input())
    ordering = django_filters.OrderingFilter(fields={"id": "id", "at": "logged_at"})

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = ()

    def search(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the user name or address of who did it, or of the name of the certificate it was about."""
        text = value.strip()
        return rows.filter(Q(actor__in=_people(text)) | _about(text))

    def by_actor(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the user name or address of who did it."""
        return rows.filter(actor__in=_people(value.strip()))

    def by_log_type(self, rows: Rows, name: str, value: str) -> Rows:
        """Lemur's word for it."""
        return rows.filter(event__in=[event for event, word in LOG_TYPES.items() if word == value])

    def by_email(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the address of who did it."""
        return rows.filter(actor__in=_ids(User.objects.filter(email__icontains=value)))

    def by_certificate(self, rows: Rows, name: str, value: str) -> Rows:
        """A part of the certificate's name."""
        return rows.filter(_about(value))


# Lemur's words for our events.
LOG_TYPES: dict[str, str] = {
    Event.KEY_REVEALED: "key_view",
    Event.CERTIFICATE_ISSUED: "create_cert",
    Event.CERTIFICATE_IMPORTED: "create_cert",
    Event.CERTIFICATE_UPDATED: "update_cert",
    Event.CERTIFICATE_REVOKED: "revoke_cert",
    Event.CERTIFICATE_DELETED: "delete_cert",
}
# With a dot, as Lemur's clients say it, which no attribute can have.
LogFilter.base_filters |= {
    "certificate.name": django_filters.CharFilter(method="by_certificate", label="Certificate"),
    "user.email": django_filters.CharFilter(method="by_email", label="Address"),
}


def _people(text: str) -> list[int]:
    return _ids(User.objects.filter(Q(username__icontains=text) | Q(email__icontains=text)))


def _ids(people: QuerySet[User]) -> list[int]:
    """Read first: a database that knows the ids walks the index of those few people."""
    return list(people.order_by().values_list("pk", flat=True))


def _about(text: str) -> Q:
    """Entries about certificates with this in their name: by their ids while they are few, else by the name itself.

    A few are found through the index of what entries are about; among many, the newest are never far away.
    """
    kind = Q(target_type=Certificate._meta.label_lower)
    named = Certificate.objects.filter(mentions(text), name__icontains=text).order_by().values_list("pk", flat=True)
    ids = [str(pk) for pk in named[: FEW + 1]]
    return kind & (Q(target_id__in=ids) if len(ids) <= FEW else Q(target_name__icontains=text))
