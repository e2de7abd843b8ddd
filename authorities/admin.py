"""Authorities, profiles and the ledger for operators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from authorities import service
from authorities.models import Authority, Issuance, Profile
from core.permissions import PermissionAdmin


@admin.register(Authority)
class AuthorityAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What is known about an authority; its key and certificate are not for editing."""

    list_display = ("name", "owner", "plugin", "parent", "active", "not_after")
    list_filter = ("active", "plugin")
    list_select_related = ("parent",)
    search_fields = ("name", "owner")
    fields = (
        "name",
        "owner",
        "description",
        "active",
        "roles",
        "profiles",
        "plugin",
        "parent",
        "not_before",
        "not_after",
        "body",
    )
    readonly_fields = ("name", "plugin", "parent", "not_before", "not_after", "body")
    filter_horizontal = ("roles", "profiles")

    def save_model(self, request: HttpRequest, obj: Authority, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        service.update(obj, by=request.user, **changes)  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has done it."""


@admin.register(Profile)
class ProfileAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What may be issued: read-only, since orders that wait refer to it."""

    list_display = ("name", "description", "ca", "default_days", "longest_days")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Issuance)
class IssuanceAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The ledger, as it is."""

    list_display = ("serial", "authority", "not_after", "revoked_at", "reason")
    list_select_related = ("authority",)
    search_fields = ("=serial",)
    show_full_result_count = False
    list_per_page = 50
