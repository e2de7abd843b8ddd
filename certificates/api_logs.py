"""The audit log over the API (contract 11): what was done, by whom, and to which certificate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.filters import LOG_TYPES, LogFilter
from accounts.permissions import audit_log
from accounts.serializers import UserBrief
from certificates.models import Certificate
from certificates.serializers import CertificateBrief
from core.models import AuditEntry
from web.rest.fields import Email, UtcDateTime
from web.rest.serializers import ModelSerializer, Serializer
from web.rest.views import ViewSet


class Actor(UserBrief):
    """Who did something; a person whose row is gone has no address any more."""

    email = Email(allow_null=True)


class Target(Serializer):
    """What something was done to: kind, id, and name at that time."""

    type = drf.CharField()
    id = drf.CharField()
    name = drf.CharField()


class LogOutput(ModelSerializer):
    """One entry: ``logType`` is Lemur's word where it has one, ``event`` always ours."""

    log_type = drf.SerializerMethodField()
    logged_at = UtcDateTime(source="at")
    user = drf.SerializerMethodField()
    certificate = CertificateBrief(allow_null=True)
    target = drf.SerializerMethodField()
    details = drf.DictField()
    request_id = drf.CharField(source="context.request_id", default="")
    address = drf.CharField(source="context.address", default="")

    class Meta:
        model = AuditEntry
        fields = (
            "id", "log_type", "logged_at", "user", "certificate", "event", "target", "details", "request_id", "address"
        )  # fmt: skip

    def get_log_type(self, entry: AuditEntry) -> str | None:
        """Null for what Lemur does not log."""
        return LOG_TYPES.get(entry.event)

    @extend_schema_field(Actor)
    def get_user(self, entry: AuditEntry) -> dict[str, Any]:
        """Who did it; of people whose row is gone (demo data) the name is left."""
        actor = getattr(entry, "actor", None)
        if actor is not None:
            return dict(UserBrief(actor).data)
        return {"id": entry.actor_id, "username": entry.actor_name, "email": None, "active": False}

    @extend_schema_field(Target)
    def get_target(self, entry: AuditEntry) -> dict[str, str]:
        """What it was done to: kind, id, and name at that time."""
        return {"type": entry.target_type, "id": entry.target_id, "name": entry.target_name}


class LogViewSet(ViewSet):
    """The audit log, newest first."""

    # Not joined: an entry stays although its actor's row may go.
    queryset = AuditEntry.objects.prefetch_related("actor")
    permissions = audit_log
    serializer_class = LogOutput
    filterset_class = LogFilter

    def list(self, request: Request) -> Response:
        """Filters: ``certificate.name``, ``user.email``, ``event`` and others. ``after`` reads all of it in order."""
        page = self.paginate_queryset(self.get_queryset())
        _attach_certificates(page or [])
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _attach_certificates(entries: Any) -> None:
    """The certificates that the entries are about, in one statement."""
    kind = Certificate._meta.label_lower
    ids = {int(entry.target_id) for entry in entries if entry.target_type == kind}
    found = Certificate.objects.select_related("rotation_policy").in_bulk(ids)
    for entry in entries:
        entry.certificate = found.get(int(entry.target_id)) if entry.target_type == kind else None
