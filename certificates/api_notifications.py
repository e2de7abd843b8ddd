"""The certificates that a notification is about (contract 7.3)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from certificates.api_listed import LISTED, SHORT, asks_for_short
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
    outputs: ClassVar = {"list": LISTED}
    parameters: ClassVar = {"list": [SHORT]}

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(deleted=False, notifications=self.kwargs["pk"])

    def get_serializer_class(self) -> Any:
        return CertificateShort if asks_for_short(self.request) else CertificateOutput

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Certificates that this notification is about."""
        return super().list(request, *args, **kwargs)
