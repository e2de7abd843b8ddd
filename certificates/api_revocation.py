"""Revoking over the REST API (contract 10.10, 10.11): a part of the certificates' resource."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service
from certificates.models import Revocation
from certificates.models.revocation import REASONS, same_certificate
from certificates.serializers import RevocationOutput
from web.lists import NoFilters
from web.rest.fields import Text, YesNo
from web.rest.serializers import Serializer


class RevocationRequest(Serializer):
    """``PUT /certificates/N/revoke``."""

    comments = Text(required=False, allow_blank=True, allow_null=True, max_length=1024)
    crl_reason = drf.ChoiceField(
        choices=REASONS,
        required=False,
        allow_null=True,
        default="unspecified",
        error_messages={"invalid_choice": "Not a valid choice."},
    )
    force = YesNo(required=False, default=False)


class Revoked(Serializer):
    """Which certificate; ``message`` where the authority has not agreed yet."""

    id = drf.IntegerField()
    message = drf.CharField(required=False)


class RevocationMixin:
    """``revoke`` and ``deactivate`` of the viewset of certificates."""

    @action(detail=True, methods=["put"])
    def revoke(self: Any, request: Request, pk: int) -> Response:
        """Have a certificate declared void. ``certificateHold`` is taken back with ``removeFromCRL``."""
        certificate = self.get_object()
        said = self.validated()
        revocation = service.revoke(
            certificate,
            reason=said["crl_reason"] or "unspecified",
            comments=said.get("comments") or "",
            force=said["force"],
            by=self.caller,
        )
        if revocation.state == Revocation.State.DONE:
            return Response({"id": certificate.pk})
        message = (
            f"The authority has not agreed yet. It is asked again, {revocation.most_failures} times in all; "
            f"/certificates/{certificate.pk}/revocations says what comes of it. {revocation.last_error}"
        ).strip()
        return Response({"id": certificate.pk, "message": message}, status=202)

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=RevocationOutput)
    def revocations(self: Any, request: Request, pk: int) -> Response:
        """What was asked for and what came of it, newest first. After a failure ``revoke`` asks again."""
        rows = Revocation.objects.filter(certificate__in=same_certificate(self.get_object()))
        answer: Response = self.answer_list(rows.select_related("by"))
        return answer

    @action(detail=True, methods=["put"])
    def deactivate(self: Any, request: Request, pk: int) -> Response:
        """For test accounts at a CA that has such a thing; no plugin here does."""
        certificate = self.get_object()
        service.deactivate(certificate, by=self.caller)
        return Response({"id": certificate.pk})
