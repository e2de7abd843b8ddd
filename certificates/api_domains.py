"""Domains over the API (contract 11): the names in certificates, and which of them are sensitive."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from certificates import service
from certificates.filters import DomainFilter
from certificates.models import Domain
from certificates.permissions import domain_permissions
from certificates.serializers import DomainOutput
from certificates.serializers_input import DomainEdit, DomainInput
from core.errors import Invalid
from web.rest.idempotency import idempotent
from web.rest.views import ViewSet


class DomainViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, show, make known, and mark as sensitive."""

    queryset = Domain.objects.all()
    permissions = domain_permissions
    serializer_class = DomainOutput
    filterset_class = DomainFilter
    inputs: ClassVar = {"create": DomainInput, "update": DomainEdit}

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Make a name known before a certificate has it."""
        return self.answer(service.create_domain(by=self.caller, **self.validated()))

    def update(self, request: Request, pk: int) -> Response:
        """Say whether only trusted people may order it."""
        domain, given = self.get_object(), self.validated()
        if given.get("name", domain.name).strip().lower() != domain.name:
            raise Invalid.field("name", "Certificates bear this name; make another domain instead.")
        service.mark_domain(domain.pk, sensitive=given["sensitive"], by=self.caller)
        return self.answer(self.get_object())
