"""The audit log, and when sweeps ran, for operators: read-only. Stored keys are not shown at all."""

from django.contrib import admin

from core.models import AuditEntry, SweepRun
from core.permissions import PermissionAdmin, ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who did what, when."""

    list_display = ("at", "event", "actor_name", "target_type", "target_name")
    list_filter = ("event",)
    search_fields = ("actor_name", "target_name")
    show_full_result_count = False
    list_per_page = 50


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """When each sweep of the timetable ran last."""

    list_display = ("name", "begun_at", "succeeded_at", "seconds")
