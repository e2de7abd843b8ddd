"""Notifications and notices for operators: read-only, since options are changed on their own pages."""

from __future__ import annotations

from django.contrib import admin

from core.permissions import ReadOnlyAdmin
from notifications.models import Notice, Notification, Snooze


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """A channel, without what is secret about it."""

    list_display = ("label", "plugin", "active", "creator")
    list_filter = ("plugin", "active")
    list_select_related = ("creator",)
    search_fields = ("label",)
    fields = ("label", "description", "plugin", "options", "active", "creator")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What was told, or is still to be told."""

    list_display = ("created_at", "kind", "recipient", "subject_label", "state", "sent_at")
    list_filter = ("state", "kind")
    search_fields = ("recipient", "subject_label")
    show_full_result_count = False


@admin.register(Snooze)
class SnoozeAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Of what nobody shall hear for a while."""

    list_display = ("topic", "until", "by")
    list_select_related = ("by",)
    search_fields = ("topic",)
