"""People for operators, under the same rules as everywhere."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from accounts import service
from accounts.models import ApiKey, Role, User
from core.permissions import PermissionAdmin, ReadOnlyAdmin

admin.site.unregister(Group)  # rights come from roles
for model in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)  # the library's: people are connected by logging in, the provider is in the settings


@admin.register(User)
class UserAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Users: switching one off, and what they are called. Passwords and tokens are nowhere."""

    list_display = ("username", "email", "is_active", "last_login")
    list_filter = ("is_active", "roles")
    search_fields = ("username", "email")
    fields = (
        "username",
        "email",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "roles",
        "last_login",
        "date_joined",
    )
    readonly_fields = ("username", "email", "last_login", "date_joined")
    filter_horizontal = ("roles",)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name != "roles"}
        service.update_user(User.objects.get(pk=obj.pk), by=request.user, **changes)  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        if "roles" in form.changed_data:
            service.set_roles(form.instance, form.cleaned_data["roles"], by=request.user)  # type: ignore[arg-type]


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Roles: read-only here."""

    list_display = ("name", "description", "third_party")
    search_fields = ("name",)
    fields = ("name", "description", "third_party", "username")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens: which there are and when they were used. The token itself is not kept."""

    list_display = ("name", "user", "kind", "scope", "created_at", "expires_at", "last_used_at", "revoked")
    list_filter = ("kind", "scope", "revoked")
    list_select_related = ("user",)
    fields = list_display
    actions = ("revoke",)

    @admin.action(description="Revoke the selected tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """From now on they open nothing."""
        for key in queryset:
            service.revoke_api_key(key, by=request.user)  # type: ignore[arg-type]
