"""Destinations and sources of the REST API (contract 11)."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service as certificates
from stores import service
from stores.filters import DestinationFilter, SourceFilter
from stores.models import Destination, Source
from stores.permissions import destination_permissions, source_permissions
from stores.serializers import (
    DestinationEdit,
    DestinationOutput,
    DestinationRequest,
    DestinationStats,
    SourceEdit,
    SourceOutput,
    SourceRequest,
)
from web.rest.idempotency import idempotent
from web.rest.views import DestroyMixin, ViewSet


class StoreViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DestroyMixin, ViewSet):
    """What destinations and sources have in common."""

    model: ClassVar[type[Destination] | type[Source]]

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """A new one. Nothing is tried."""
        self.permissions.require(self.caller, "create")
        return self.answer(service.create(self.model, by=self.caller, **self.validated()))

    def update(self, request: Request, pk: int) -> Response:
        """Change it; absent fields stay as they are, and so do secrets that are null or left out."""
        store = self.get_object()
        self.permissions.require(self.caller, "change", store)
        return self.answer(service.update(store, by=self.caller, **self.validated()))


class DestinationViewSet(StoreViewSet):
    """Everybody sees destinations, administrators run them. The value of a secret option is null for everybody."""

    model = Destination
    queryset = Destination.objects.all()
    permissions = destination_permissions
    serializer_class = DestinationOutput
    filterset_class = DestinationFilter
    inputs: ClassVar = {"create": DestinationRequest, "update": DestinationEdit}
    delete_row = staticmethod(certificates.withdraw)
    outputs: ClassVar = {"stats": DestinationStats}

    @action(detail=False, methods=["get"])
    def stats(self, request: Request) -> Response:
        """How many certificates there are for each label."""
        found = service.stats()
        return Response({"items": {"labels": list(found), "values": list(found.values())}, "total": len(found)})


class SourceViewSet(StoreViewSet):
    """Everybody sees sources, administrators run them. The value of a secret option is null for everybody."""

    model = Source
    queryset = Source.objects.all()
    permissions = source_permissions
    serializer_class = SourceOutput
    filterset_class = SourceFilter
    inputs: ClassVar = {"create": SourceRequest, "update": SourceEdit}
    delete_row = staticmethod(service.delete)
