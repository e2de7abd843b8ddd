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
from web.rest.views import ViewSet


class DestinationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Everybody sees destinations, administrators run them. The value of a secret option is null for everybody."""

    queryset = Destination.objects.all()
    permissions = destination_permissions
    serializer_class = DestinationOutput
    filterset_class = DestinationFilter
    inputs: ClassVar = {"create": DestinationRequest, "update": DestinationEdit}
    outputs: ClassVar = {"stats": DestinationStats}

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """A new destination. Nothing is tried."""
        destination_permissions.require(self.caller, "create")
        return self.answer(service.create(Destination, by=self.caller, **self.validated()))

    def update(self, request: Request, pk: int) -> Response:
        """Change it; absent fields stay as they are, and so do secrets that are null or left out."""
        destination = self.get_object()
        destination_permissions.require(self.caller, "change", destination)
        return self.answer(service.update(destination, by=self.caller, **self.validated()))

    def destroy(self, request: Request, pk: int) -> Response:
        """Certificates are not kept up to date there any more; what lies there stays."""
        destination_permissions.require(self.caller, "delete")
        destination = self.get_queryset().filter(pk=pk).first()
        if destination is not None:
            certificates.withdraw(destination, by=self.caller)
        return Response({"result": True})

    @action(detail=False, methods=["get"])
    def stats(self, request: Request) -> Response:
        """How many certificates there are for each label."""
        found = service.stats()
        return Response({"items": {"labels": list(found), "values": list(found.values())}, "total": len(found)})


class SourceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Everybody sees sources, administrators run them. The value of a secret option is null for everybody."""

    queryset = Source.objects.all()
    permissions = source_permissions
    serializer_class = SourceOutput
    filterset_class = SourceFilter
    inputs: ClassVar = {"create": SourceRequest, "update": SourceEdit}

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """A new source. Nothing is tried."""
        source_permissions.require(self.caller, "create")
        return self.answer(service.create(Source, by=self.caller, **self.validated()))

    def update(self, request: Request, pk: int) -> Response:
        """Change it; absent fields stay as they are, and so do secrets that are null or left out."""
        source = self.get_object()
        source_permissions.require(self.caller, "change", source)
        return self.answer(service.update(source, by=self.caller, **self.validated()))

    def destroy(self, request: Request, pk: int) -> Response:
        """Forget it and its endpoints; the certificates that were found there stay."""
        source_permissions.require(self.caller, "delete")
        source = self.get_queryset().filter(pk=pk).first()
        if source is not None:
            service.delete(source, by=self.caller)
        return Response({"result": True})
