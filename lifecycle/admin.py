"""Endpoints for operators: read-only, since a source says what they are."""

from __future__ import annotations

from django.contrib import admin

from core.permissions import PermissionAdmin
from lifecycle.models import Endpoint


@admin.register(Endpoint)
class EndpointAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Where a certificate was seen being served."""

    list_display = ("dnsname", "port", "type", "source", "certificate", "active")
    list_filter = ("type", "active")
    list_select_related = ("source", "certificate")
    search_fields = ("dnsname", "name")
    raw_id_fields = ("certificate",)
