"""Endpoints over the API, read-only since sources say what there is (contract 11); their rotation; figures."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import budgets, undoing
from lifecycle import metrics as figures
from lifecycle.filters import BrakeFilter, EndpointFilter, RotationFilter
from lifecycle.models import Brake, Endpoint, EndpointRotation
from lifecycle.permissions import brake_permissions, endpoint_permissions, rotation_permissions
from lifecycle.serializers import BrakeOutput, EndpointOutput, RotationOutput
from web.rest.views import ViewSet


class EndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Where certificates are served."""

    queryset = Endpoint.objects.select_related("source", "certificate__rotation_policy")
    permissions = endpoint_permissions
    serializer_class = EndpointOutput
    filterset_class = EndpointFilter


class RotationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Which endpoints shall serve another certificate."""

    queryset = EndpointRotation.objects.select_related("endpoint", "certificate", "replaces")
    permissions = rotation_permissions
    serializer_class = RotationOutput
    filterset_class = RotationFilter
    allows: ClassVar = {"retry": "retry", "rollback": "roll_back"}

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: int) -> Response:
        """Look again whether the endpoint serves it, after that was given up or put off."""
        return self.answer(undoing.retry(self.get_object(), by=self.caller))

    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, pk: int) -> Response:
        """Put the certificate before back, wherever the new one has taken its place."""
        return self.answer(undoing.roll_back(self.get_object(), by=self.caller))


class BrakeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """When more renewals were due than an hour may see."""

    queryset = Brake.objects.select_related("released_by")
    permissions = brake_permissions
    serializer_class = BrakeOutput
    filterset_class = BrakeFilter
    allows: ClassVar = {"release": "release"}

    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: int) -> Response:
        """For a day, whatever is due is renewed."""
        return self.answer(budgets.release(self.get_object(), by=self.caller))


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, for who shows METRICS_TOKEN; 404 where the site has none."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Set METRICS_TOKEN to have figures here.", status=404, content_type="text/plain")
    shown = request.headers.get("Authorization", "").rpartition(" ")[2]
    if not constant_time_compare(shown, settings.METRICS_TOKEN):
        return HttpResponse("Show METRICS_TOKEN as Authorization: Bearer.", status=401, content_type="text/plain")
    return HttpResponse(figures.exposition(), content_type=CONTENT_TYPE_LATEST)
