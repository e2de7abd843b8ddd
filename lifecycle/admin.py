"""Endpoints and alarms for operators: read-only, since both say what was found."""

from __future__ import annotations

from django.contrib import admin

from core.permissions import PermissionAdmin, ReadOnlyAdmin
from lifecycle.models import Alarm, Endpoint


@admin.register(Endpoint)
class EndpointAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Where a certificate was seen being served."""

    list_display = ("dnsname", "port", "type", "source", "certificate", "active")
    list_filter = ("type", "active")
    list_select_related = ("source", "certificate")
    search_fields = ("dnsname", "name")
    raw_id_fields = ("certificate",)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What does not work, or did not."""

    list_display = ("since", "kind", "label", "owner", "resolved_at")
    list_filter = ("kind",)
    search_fields = ("label", "owner")
