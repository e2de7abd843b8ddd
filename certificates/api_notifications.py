"""The certificates that a notification is about (contract 7.3)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from certificates.filters import CertificateFilter
from certificates.loading import in_full
from certificates.permissions import permissions
from certificates.serializers import CertificateOutput, CertificateShort
from web.rest.views import ViewSet


class NotificationCertificates(mixins.ListModelMixin, ViewSet):
    """The list of certificates with its parameters, of one notification; of an unknown one it is empty."""

    queryset = in_full()
    permissions = permissions
    serializer_class = CertificateOutput
    filterset_class = CertificateFilter

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(deleted=False, notifications=self.kwargs["pk"])

    def get_serializer_class(self) -> Any:
        short = self.request.query_params.get("short", "").lower() == "true"
        return CertificateShort if short else CertificateOutput

    @extend_schema(operation_id="notifications_certificates_list")
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Certificates that this notification is about."""
        return super().list(request, *args, **kwargs)
