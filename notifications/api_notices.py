"""Notices of the REST API: what was told to whom, and what people answer to it."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from notifications import service
from notifications.filters import NoticeFilter
from notifications.models import Notice, Outcome
from notifications.permissions import notice_permissions
from notifications.service.answers import LONGEST_DAYS
from web.rest.fields import Number, UtcDateTime
from web.rest.serializers import ModelSerializer, Serializer
from web.rest.views import ViewSet


class NoticeOutput(ModelSerializer):
    """One thing that one recipient was told, or is to be told."""

    label = drf.CharField(source="subject_label")  # type: ignore[assignment]
    url = drf.CharField(source="subject_url", help_text="The path of its page; empty, if it has none.")
    about = drf.CharField(source="topic", help_text="The row it is about, as model:id; empty, if there is none.")
    outcome = drf.SerializerMethodField()
    error = drf.CharField(source="last_error", help_text="Why it could not be told yet.")
    acknowledged_by = drf.CharField(source="acknowledged_by.username", allow_null=True, default=None)

    class Meta:
        model = Notice
        fields = (
            "id", "kind", "recipient", "channel", "label", "url", "about", "outcome", "error", "created_at", "sent_at",
            "acknowledged_at", "acknowledged_by",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "enum": Outcome.values})
    def get_outcome(self, notice: Notice) -> str:
        """What became of it."""
        return notice.outcome


class SnoozeInput(Serializer):
    """``PUT /notices/N/snooze``."""

    days = Number(min_value=1, max_value=LONGEST_DAYS)


class SnoozeOutput(Serializer):
    """Until when nobody hears of it."""

    about = drf.CharField(source="topic")
    until = UtcDateTime()


class NoticeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List and show notices, acknowledge them, and have them wait."""

    queryset = Notice.objects.select_related("acknowledged_by")
    permissions = notice_permissions
    serializer_class = NoticeOutput
    filterset_class = NoticeFilter
    inputs: ClassVar = {"snooze": SnoozeInput}
    outputs: ClassVar = {"snooze": SnoozeOutput}
    allows: ClassVar = {"acknowledge": "answer", "snooze": "answer"}
    bodies_left_out: ClassVar = ("acknowledge",)

    @action(detail=True, methods=["put"])
    def acknowledge(self, request: Request, pk: int) -> Response:
        """Say that one knows of it: what others were told of the same thing is answered with it."""
        return self.answer(service.acknowledge(self.get_object(), by=self.caller))

    @action(detail=True, methods=["put"])
    def snooze(self, request: Request, pk: int) -> Response:
        """Have nobody hear of the same thing for some days."""
        made: Any = service.snooze(self.get_object(), by=self.caller, **self.validated())
        return Response(SnoozeOutput(made).data)
