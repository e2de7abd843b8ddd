"""Notifications of the REST API (contract 11). The certificates of one are listed by the certificates' app."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service as certificates
from core.connectors import NewConnector
from notifications import service
from notifications.filters import NotificationFilter
from notifications.models import Notification
from notifications.permissions import permissions
from notifications.serializers import NotificationEdit, NotificationInput, NotificationOutput
from web.rest.idempotency import idempotent
from web.rest.views import DestroyMixin, ViewSet


class NotificationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DestroyMixin, ViewSet):
    """List, show, make, change and delete notifications."""

    queryset = Notification.objects.all()
    permissions = permissions
    serializer_class = NotificationOutput
    filterset_class = NotificationFilter
    inputs: ClassVar = {"create": NotificationInput, "update": NotificationEdit}
    delete_row = staticmethod(service.delete)
    forbidden = "You are not authorized to delete this notification."

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Make one, with the certificates that it is about."""
        given = self.validated()
        certificates_, _ = given.pop("add"), given.pop("remove")
        made = certificates.create_notification(NewConnector(**given), certificates=certificates_, by=self.caller)
        return self.answer(made)

    def update(self, request: Request, pk: int) -> Response:
        """Change it. Its certificates are those it had, and those added, without those removed."""
        return self.answer(certificates.update_notification(self.get_object(), by=self.caller, **self.validated()))
