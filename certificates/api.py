"""The certificates of the REST API (contract 10)."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service
from certificates.filters import CertificateFilter
from certificates.models import Certificate, Domain, Order
from certificates.permissions import permissions
from certificates.serializers import (
    CertificateEdit,
    CertificateOutput,
    CertificateRequest,
    CertificateShort,
    CertificateUpload,
    ExportOutput,
    ExportRequest,
    KeyOutput,
    OrderOutput,
)
from core.errors import NotFound
from web.rest.idempotency import idempotent
from web.rest.views import ViewSet

NEVER_CACHED = {"Cache-Control": "private, max-age=0, no-cache, no-store", "Pragma": "no-cache"}


def in_full() -> QuerySet[Certificate]:
    """Certificates with everything that the full output shows, in a fixed number of statements."""
    return Certificate.objects.select_related("user", "authority").prefetch_related(
        "roles",
        "replaces",
        "replaced",
        Prefetch("domains", Domain.objects.order_by("certificate_domains__id")),
    )


def _complete(made: Certificate) -> Certificate:
    """A certificate ready for the full output: a new one as it was made, any other is read."""
    if made.made_with is None:
        return in_full().get(pk=made.pk)
    cache = made.__dict__.setdefault("_prefetched_objects_cache", {})
    for name, rows in made.made_with.items():
        known = getattr(made, name).all()
        known._result_cache, known._prefetch_done = rows, True
        cache[name] = known
    return made


class CertificateViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, order, show, change, import and export certificates."""

    queryset = in_full()
    permissions = permissions
    serializer_class = CertificateOutput
    filterset_class = CertificateFilter
    inputs: ClassVar = {
        "create": CertificateRequest,
        "update": CertificateEdit,
        "partial_update": CertificateEdit,
        "upload": CertificateUpload,
        "export": ExportRequest,
    }

    @property
    def not_found(self) -> str:  # type: ignore[override]
        """Contract 10: reading says it one way, everything else another."""
        return NotFound.title if self.action == "retrieve" else "Cannot find specified certificate"

    def get_queryset(self) -> QuerySet[Any]:
        """Deleted ones are gone from lists; the single object can still be read."""
        rows = super().get_queryset()
        return rows.filter(deleted=False) if self.action == "list" else rows

    def get_serializer_class(self) -> Any:
        short = self.action == "list" and self.request.query_params.get("short", "").lower() == "true"
        return CertificateShort if short else CertificateOutput

    @extend_schema(
        request=CertificateRequest,
        responses={200: CertificateOutput, 202: OpenApiResponse(OrderOutput, "The CA answers later.")},
    )
    @idempotent()
    def create(self, request: Request) -> Response:
        """Order a certificate; 202 with the order when the CA answers later."""
        return self._issued(service.create(by=self.caller, **self.validated()))

    def _issued(self, made: Certificate | Order) -> Response:
        if isinstance(made, Order):
            return Response(OrderOutput(made).data, status=202)
        return self.answer(_complete(made))

    @extend_schema(request=CertificateEdit, responses=CertificateOutput)
    def update(self, request: Request, pk: int) -> Response:
        """Change owner, description, switches, roles or replacements; absent fields stay as they are."""
        self.get_object()
        service.update(pk, by=self.caller, **self.validated())
        return self.answer(self.get_object())

    @extend_schema(request=CertificateEdit, responses=CertificateOutput)
    def partial_update(self, request: Request, pk: int) -> Response:
        """The same as PUT."""
        return self.update(request, pk)

    @extend_schema(request=CertificateUpload, responses=CertificateOutput)
    @action(detail=False, methods=["post"])
    @idempotent()
    def upload(self, request: Request) -> Response:
        """Import a certificate that was made elsewhere."""
        return self._issued(service.upload(by=self.caller, **self.validated()))

    @extend_schema(responses=KeyOutput)
    @action(detail=True, methods=["get"])
    def key(self, request: Request, pk: int) -> Response:
        """The private key. Each reading is written into the audit log."""
        key = service.reveal(self.get_object(), by=self.caller)
        return Response({"key": key}, headers=NEVER_CACHED)

    @extend_schema(request=ExportRequest, responses=ExportOutput)
    @action(detail=True, methods=["post"])
    def export(self, request: Request, pk: int) -> Response:
        """The certificate as a file, in base64."""
        certificate = self.get_object()
        extension, passphrase, data = service.export(certificate, self.validated()["plugin"], by=self.caller)
        body = {"extension": extension, "passphrase": passphrase, "data": base64.b64encode(data).decode()}
        return Response(body, headers=NEVER_CACHED)
