"""Rotation policies of the REST API."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service
from certificates.models import RotationPolicy
from certificates.models.rotation import LEAST_DAYS, LEAST_SHARE, MOST_DAYS, MOST_JITTER, MOST_SHARE
from certificates.permissions import policy_permissions
from certificates.service.policies import FORBIDDEN, TERMS
from web.lists import FilterSet, NumberFilter
from web.rest.fields import Line, Number, Text, YesNo
from web.rest.idempotency import idempotent
from web.rest.serializers import ModelSerializer, Serializer
from web.rest.views import DestroyMixin, ViewSet

DAYS = "(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?"
WINDOW = f"{DAYS}(,{DAYS})* ([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
LONGEST_WINDOWS = 200  # as people write them; written out they are longer


@extend_schema_field({"type": "string", "maxLength": LONGEST_WINDOWS, "pattern": f"^({WINDOW}(; {WINDOW})*)?$"})
class Windows(Text):
    """Hours of the week in UTC, as ``mon-fri 22:00-04:00; sat,sun 00:00-24:00``; empty: any."""


class PolicyOutput(ModelSerializer):
    """A rotation policy."""

    class Meta:
        model = RotationPolicy
        fields = ("id", "name", *TERMS)


class PolicyEdit(Serializer):
    """``PUT /policies/N``: what is absent stays as it is."""

    name = Line(required=False, max_length=128)
    days = Number(required=False, min_value=LEAST_DAYS, max_value=MOST_DAYS)
    share = Number(required=False, allow_null=True, min_value=LEAST_SHARE, max_value=MOST_SHARE)
    follows_ca = YesNo(required=False)
    jitter_hours = Number(required=False, min_value=0, max_value=MOST_JITTER)
    windows = Windows(required=False, allow_blank=True, max_length=LONGEST_WINDOWS)
    revokes_old = YesNo(required=False)
    cleans_old = YesNo(required=False)


class PolicyInput(PolicyEdit):
    """``POST /policies``."""

    name = Line(max_length=128)
    days = Number(min_value=LEAST_DAYS, max_value=MOST_DAYS)


class PolicyFilter(FilterSet):
    """Name and number of days."""

    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    days = NumberFilter(label="Days")
    ordering = django_filters.OrderingFilter(fields=("id", "name", "days"))

    class Meta:
        model = RotationPolicy
        fields: tuple[str, ...] = ()


class PolicyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DestroyMixin, ViewSet):
    """List, show, make, change and delete rotation policies."""

    queryset = RotationPolicy.objects.all()
    permissions = policy_permissions
    serializer_class = PolicyOutput
    filterset_class = PolicyFilter
    inputs: ClassVar = {"create": PolicyInput, "update": PolicyEdit}
    delete_row = staticmethod(service.delete_policy)
    forbidden = FORBIDDEN

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Make one."""
        return self.answer(service.create_policy(by=self.caller, **self.validated()))

    def update(self, request: Request, pk: int) -> Response:
        """Change it."""
        return self.answer(service.update_policy(self.get_object(), by=self.caller, **self.validated()))
