"""The audit log for operators: read-only. Stored keys are not shown at all."""

from django.contrib import admin

from core.models import AuditEntry
from core.permissions import PermissionAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who did what, when."""

    list_display = ("at", "event", "actor_name", "target_type", "target_name")
    list_filter = ("event",)
    search_fields = ("actor_name", "target_name")
    show_full_result_count = False
    list_per_page = 50
