"""What sources brought in, over the API: looking into them, and deciding about what was found."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import discovery, triage
from lifecycle.filters import FindingFilter, SyncFilter
from lifecycle.models import Finding, Sync
from lifecycle.permissions import finding_permissions, sync_permissions
from lifecycle.serializers import Assignment, FindingOutput, SyncOutput, SyncRequest
from stores.permissions import source_permissions
from web.rest.views import ViewSet


class FindingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Certificates that sources brought in."""

    queryset = Finding.objects.select_related("certificate", "source", "decided_by")
    permissions = finding_permissions
    serializer_class = FindingOutput
    filterset_class = FindingFilter
    inputs: ClassVar = {"assign": Assignment}
    allows: ClassVar = {"claim": "decide", "assign": "decide", "dismiss": "decide"}

    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: int) -> Response:
        """It is the caller's."""
        return self.answer(triage.claim(self.get_object(), by=self.caller))

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: int) -> Response:
        """It is somebody else's: who, by address."""
        finding = self.get_object()
        self.permissions.require(self.caller, "decide", finding, message=triage.FORBIDDEN)
        return self.answer(triage.assign(finding, by=self.caller, **self.validated()))

    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: int) -> Response:
        """It does not matter."""
        return self.answer(triage.dismiss(self.get_object(), by=self.caller))


class SyncViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """How far the looks into sources have come."""

    queryset = Sync.objects.select_related("source")
    permissions = sync_permissions
    serializer_class = SyncOutput
    filterset_class = SyncFilter
    inputs: ClassVar = {"create": SyncRequest}
    allows: ClassVar = {"create": source_permissions.rules["change"], "cancel": source_permissions.rules["change"]}

    def create(self, request: Request) -> Response:
        """Have a worker look into a source now; what is new comes in."""
        source_permissions.require(self.caller, "change", message="You are not authorized to change sources.")
        return self.answer(discovery.ask_to_sync(by=self.caller, **self.validated()))

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Let it stop; what has come in stays."""
        discovery.cancel(self.get_object(), by=self.caller)
        return self.answer(self.get_object())
