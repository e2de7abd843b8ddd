"""Destinations and sources for operators: read-only, since their options are changed on their own pages."""

from __future__ import annotations

from django.contrib import admin

from core.permissions import ReadOnlyAdmin
from stores.models import Destination, Scan, Source


class StoreAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What is stored about a place, without what is secret."""

    list_display = ("label", "plugin", "active")
    list_filter = ("plugin", "active")
    search_fields = ("label",)
    fields = ("label", "description", "plugin", "options", "active")


admin.site.register(Destination, StoreAdmin)
admin.site.register(Source, StoreAdmin)


@admin.register(Scan)
class ScanAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who had which source looked into, and what became of that."""

    list_display = ("source", "by", "state", "total", "last_error")
    list_filter = ("state",)
    list_select_related = ("source", "by")
    fields = ("source", "by", "state", "attempts", "not_before", "last_error", "total")
