"""Orders over the API, as Lemur's pending certificates (contract 11)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service
from certificates.filters import OrderFilter
from certificates.loading import in_full
from certificates.models import Certificate, Order
from certificates.pending import UNRESOLVED, with_everything
from certificates.permissions import order_permissions
from certificates.serializers import CertificateOutput, KeyOutput
from certificates.serializers_input import OrderCancel, OrderEdit, OrderUpload
from certificates.serializers_orders import OrderOutput
from certificates.service.orders import CANCEL_FORBIDDEN, FORBIDDEN
from web.rest.idempotency import idempotent
from web.rest.views import NEVER_CACHED, ViewSet


class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, show, take up, fulfil and cancel what has not become a certificate yet."""

    queryset = with_everything()
    permissions = order_permissions
    serializer_class = OrderOutput
    filterset_class = OrderFilter
    inputs: ClassVar = {"update": OrderEdit, "upload": OrderUpload, "destroy": OrderCancel}
    outputs: ClassVar = {
        "destroy": {204: None},
        "key": KeyOutput,
        "retry": {200: CertificateOutput, 202: OpenApiResponse(OrderOutput, "The CA answers later.")},
    }
    bodies_left_out: ClassVar = ("destroy",)
    allows: ClassVar = {"destroy": "cancel", "key": "reveal_key", "upload": "change", "retry": "change"}
    not_found = "Cannot find specified certificate"

    def get_queryset(self) -> QuerySet[Any]:
        """The list has what is open, unless a state is asked for."""
        rows = super().get_queryset()
        narrowed = self.action == "list" and not self.request.query_params.get("state")
        return rows.filter(state__in=UNRESOLVED) if narrowed else rows

    def _mine(self, action: str, message: str) -> Order:
        """The order, if the caller may do this to it: who may not is told so, whatever the body says."""
        order: Order = self.get_object()
        self.permissions.require(self.caller, action, order, message=message)
        return order

    def update(self, request: Request, pk: int) -> Response:
        """Change what its certificate will be like: owner, switches, roles, destinations and the like."""
        order = self._mine("change", FORBIDDEN)
        if not request.data:
            raise ParseError("There is nothing in the body.")
        service.update_order(order, by=self.caller, **self.validated())
        return self.answer(self.get_object())

    def destroy(self, request: Request, pk: int) -> Response:
        """Give it up, at the CA too where that can be asked."""
        order = self._mine("cancel", CANCEL_FORBIDDEN)
        given = self.validated() if request.headers.get("Content-Length", "0") not in ("", "0") else {}
        service.cancel_order(order, note=given.get("note", ""), by=self.caller)
        return Response(status=204)

    @action(detail=True, methods=["get"])
    def key(self, request: Request, pk: int) -> Response:
        """The private key that was made for it. Each reading is written into the audit log."""
        key = service.reveal_order_key(self.get_object(), by=self.caller)
        return Response({"key": key}, headers=NEVER_CACHED)

    @action(detail=True, methods=["post"])
    @idempotent(one_transaction=True)
    def upload(self, request: Request, pk: int) -> Response:
        """The certificate that the CA issued for it, brought by hand."""
        service.fulfil_by_hand(self._mine("change", FORBIDDEN), by=self.caller, **self.validated())
        return self.answer(self.get_object())

    @action(detail=True, methods=["post"])
    @idempotent()
    def retry(self, request: Request, pk: int) -> Response:
        """Ask the CA again: nothing was issued, or what was in the way is gone."""
        made = service.retry_order(self.get_object(), by=self.caller)
        if isinstance(made, Certificate):
            return Response(CertificateOutput(in_full().get(pk=made.pk)).data)
        return self.answer(self.get_object(), status=202)
