"""Certificates, orders and domains for operators: read-mostly, and never a key."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from certificates import service
from certificates.filters import anything_like
from certificates.models import (
    Batch,
    Certificate,
    Deployment,
    Domain,
    Order,
    Revocation,
    RotationPolicy,
    Suggestion,
    Tag,
)
from core.permissions import PermissionAdmin, ReadOnlyAdmin
from pki.names import printable

EDITABLE = ("owner", "description", "notify", "rotation", "roles")


@admin.register(Certificate)
class CertificateAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What is known about a certificate can be changed; what it is cannot."""

    list_display = ("name", "common_name", "owner", "issuer", "not_after", "status", "notify", "rotation")
    list_filter = ("status", "notify", "rotation", "deleted")
    search_fields = ("name",)  # that there is a search; what it finds, get_search_results says
    fields = (
        *EDITABLE, "name", "common_name", "its_tags", "serial", "issuer", "authority", "user", "status", "deleted",
        "not_before", "not_after",
        "key_type", "signing_algorithm", "fingerprint", "date_created", "body", "chain", "csr",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name not in EDITABLE)
    filter_horizontal = ("roles",)
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body", "chain", "csr")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """As the pages search: Django's own way looks at every row."""
        return queryset.filter(anything_like(search_term)) if search_term.strip() else queryset, False

    @admin.display(ordering="cn")
    def common_name(self, certificate: Certificate) -> str | None:
        """As it is to be seen: whoever made the certificate may have put anything into it."""
        return certificate.cn and printable(certificate.cn)

    @admin.display(description="tags")
    def its_tags(self, certificate: Certificate) -> str:
        """Changed on its page, or of many in the list there."""
        return ", ".join(certificate.tag_names)

    def save_model(self, request: HttpRequest, obj: Certificate, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        service.update(obj.pk, by=request.user, **changes)  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has done it."""


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Orders, and why one has not become a certificate yet."""

    list_display = ("id", "authority", "by", "state", "attempts", "not_before", "last_error", "created_at")
    list_filter = ("state",)
    list_select_related = ("authority", "by")
    fields = (*list_display, "profile", "spec", "csr", "external_id", "certificate")
    show_full_result_count = False


@admin.register(Domain)
class DomainAdmin(PermissionAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Names, and which of them are sensitive."""

    list_display = ("__str__", "sensitive")
    list_filter = ("sensitive",)
    search_fields = ("name",)
    fields = ("name", "sensitive")
    readonly_fields = ("name",)
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        service.mark_domain(obj.pk, sensitive=obj.sensitive, by=request.user)  # type: ignore[arg-type]


@admin.register(Tag)
class TagAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Words that certificates bear, or have borne."""

    list_display = ("name",)
    search_fields = ("name",)
    fields = ("name",)
    show_full_result_count = False


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Which certificate shall be where, and what became of it."""

    list_display = ("certificate", "destination", "state", "deployed_at", "attempts")
    list_filter = ("state",)
    list_select_related = ("certificate", "destination")
    show_full_result_count = False


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What was done to many certificates at once."""

    list_display = ("verb", "by", "created_at", "state", "cancelled", "attempts")
    list_filter = ("verb", "state")
    list_select_related = ("by",)
    show_full_result_count = False


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """What shall be declared void, and what became of it."""

    list_display = ("certificate", "reason", "by", "state", "created_at")
    list_filter = ("state", "reason")
    list_select_related = ("certificate", "by")
    show_full_result_count = False


@admin.register(RotationPolicy)
class RotationPolicyAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """When a certificate is renewed."""

    list_display = ("name", "days", "share", "follows_ca", "jitter_hours", "windows")


@admin.register(Suggestion)
class SuggestionAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """When certificate authorities would like certificates to be renewed."""

    list_display = ("certificate", "start", "end", "state", "not_before", "last_error")
    list_select_related = ("certificate",)
    show_full_result_count = False
