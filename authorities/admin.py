"""Authorities, profiles and the ledger for operators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from authorities import service
from authorities.models import Authority, Crl, DnsProvider, Issuance, Profile, Responder
from core.permissions import PermissionAdmin, ReadOnlyAdmin


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
        "renewals_per_hour",
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
        # The form has written into `obj` already, and the service must know the owner that was.
        service.update(Authority.objects.get(pk=obj.pk), by=request.user, **changes)  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has done it."""


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What may be issued: read-only, since orders that wait refer to it."""

    list_display = ("name", "description", "ca", "default_days", "longest_days")


@admin.register(Issuance)
class IssuanceAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The ledger, as it is."""

    list_display = ("serial", "authority", "not_after", "revoked_at", "reason")
    list_select_related = ("authority",)
    search_fields = ("=serial",)
    show_full_result_count = False
    list_per_page = 50


@admin.register(Crl)
class CrlAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Revocation lists that were published."""

    list_display = ("number", "authority", "this_update", "next_update")
    list_select_related = ("authority",)
    fields = list_display
    show_full_result_count = False


@admin.register(Responder)
class ResponderAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Certificates with which OCSP answers are signed."""

    list_display = ("authority", "not_before", "not_after")
    list_select_related = ("authority",)
    fields = ("authority", "body", "not_before", "not_after")


@admin.register(DnsProvider)
class DnsProviderAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """DNS services, without what is secret about them."""

    list_display = ("name", "plugin", "active")
    fields = ("name", "description", "plugin", "options", "active")
