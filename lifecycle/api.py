"""Endpoints over the API: read-only, since sources say what there is (contract 11)."""

from __future__ import annotations

from rest_framework import mixins

from lifecycle.filters import EndpointFilter
from lifecycle.models import Endpoint
from lifecycle.permissions import endpoint_permissions
from lifecycle.serializers import EndpointOutput
from web.rest.views import ViewSet


class EndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Where certificates are served."""

    queryset = Endpoint.objects.select_related("source", "certificate__rotation_policy")
    permissions = endpoint_permissions
    serializer_class = EndpointOutput
    filterset_class = EndpointFilter
