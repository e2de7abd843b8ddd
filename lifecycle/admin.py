"""Endpoints and alarms for operators: read-only, since both say what was found."""

from __future__ import annotations

from django.contrib import admin

from core.permissions import PermissionAdmin, ReadOnlyAdmin
from lifecycle.models import Alarm, Brake, Endpoint, EndpointRotation, Finding, Spent, Sync


@admin.register(Endpoint)
class EndpointAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Where a certificate was seen being served."""

    list_display = ("dnsname", "port", "type", "source", "certificate", "active")
    list_filter = ("type", "active")
    list_select_related = ("source", "certificate")
    search_fields = ("dnsname", "name")
    fields = (
        "name", "dnsname", "dns_aliases", "port", "type", "owner", "active", "certificate", "certificate_path",
        "registry_type", "source", "policy", "problems", "checked_at", "last_updated", "date_created",
    )  # fmt: skip
    raw_id_fields = ("certificate",)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What does not work, or did not."""

    list_display = ("since", "kind", "label", "owner", "resolved_at")
    list_filter = ("kind",)
    search_fields = ("label", "owner")


@admin.register(EndpointRotation)
class EndpointRotationAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Which endpoint shall serve which certificate, and what became of it."""

    list_display = ("endpoint", "certificate", "state", "created_at", "verified_at")
    list_filter = ("state",)
    list_select_related = ("endpoint", "certificate")
    show_full_result_count = False


@admin.register(Brake)
class BrakeAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """When more renewals were due than an hour may see."""

    list_display = ("began_at", "due", "allowed", "released_by", "ended_at")
    list_select_related = ("released_by",)


@admin.register(Spent)
class SpentAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """How many renewals each hour has seen."""

    list_display = ("hour", "scope", "number", "allowed")
    show_full_result_count = False


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Certificates that sources brought in."""

    list_display = ("certificate", "source", "where", "state", "found_at", "decided_by")
    list_filter = ("state",)
    list_select_related = ("certificate", "source", "decided_by")
    show_full_result_count = False


@admin.register(Sync)
class SyncAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """How far the looks into sources have come."""

    list_display = ("source", "state", "begun_at", "ended_at", "seen", "added", "last_error")
    list_select_related = ("source",)
