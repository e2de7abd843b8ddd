"""DNS providers over the API (contract 11)."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from authorities import service
from authorities.filters import DnsProviderFilter
from authorities.models import DnsProvider
from authorities.permissions import dns_provider_permissions
from authorities.service import NOT_YOURS
from core.connectors import NewConnector
from plugins import PluginUnavailable, describe, registry
from plugins.registry import LEMURS_DNS
from web.rest.connectors import ConfiguredOption, GivenOptions, PluginOption
from web.rest.fields import Line, Text, YesNo
from web.rest.idempotency import idempotent
from web.rest.serializers import ModelSerializer, Serializer
from web.rest.views import APIView, DestroyMixin, ViewSet


class ProviderType(Serializer):
    """A plugin and its options, as Lemur's clients send them: name and value of each."""

    slug = Text(max_length=64, required=False)
    name = Text(max_length=64, required=False)
    plugin_options = GivenOptions(required=False)
    requirements = GivenOptions(required=False)

    class Meta:
        any_of = ("slug", "name")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Lemur calls the slug ``name`` and the options ``requirements``."""
        options = attrs.get("plugin_options", attrs.get("requirements"))
        name = attrs.get("slug") or attrs["name"]
        return {"plugin": LEMURS_DNS.get(name, name), **({} if options is None else {"options": options})}


class ProviderEdit(Serializer):
    """``PUT /dns_providers/N``: what is absent stays as it is."""

    name = Line(required=False, max_length=256)
    description = Text(required=False, allow_blank=True, max_length=1024)
    active = YesNo(required=False)
    provider_type = ProviderType(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The plugin and its options beside the rest, as the service takes them."""
        chosen = attrs.pop("provider_type", {})
        return {**attrs, **chosen}


class ProviderInput(ProviderEdit):
    """``POST /dns_providers``."""

    name = Line(max_length=256)
    provider_type = ProviderType()


class ProviderOutput(ModelSerializer):
    """A DNS provider; of its secrets only that they exist."""

    provider_type = drf.CharField(source="plugin")
    options = drf.SerializerMethodField()

    class Meta:
        model = DnsProvider
        fields = ("id", "name", "description", "active", "provider_type", "options")

    @extend_schema_field(ConfiguredOption(many=True))
    def get_options(self, provider: DnsProvider) -> list[dict[str, Any]]:
        """How it is configured, without what is secret."""
        return provider.described_options()


class ProviderOption(Serializer):
    """A kind of DNS provider and what it needs to know."""

    name = drf.CharField()
    title = drf.CharField()
    requirements = PluginOption(many=True)


class ProviderOptions(Serializer):
    """All of them."""

    options = ProviderOption(many=True)
    total = drf.IntegerField()


class Trial(Serializer):
    """Whether it works, and if not why."""

    works = drf.BooleanField()
    problem = drf.CharField(help_text="One sentence; empty if it works.")


class DnsProviderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DestroyMixin, ViewSet):
    """List, show, make, change and delete DNS providers."""

    queryset = DnsProvider.objects.all()
    permissions = dns_provider_permissions
    serializer_class = ProviderOutput
    filterset_class = DnsProviderFilter
    inputs: ClassVar = {"create": ProviderInput, "update": ProviderEdit}
    outputs: ClassVar = {"check": Trial}
    allows: ClassVar = {"check": "change"}
    delete_row = staticmethod(service.delete_dns_provider)
    forbidden = NOT_YOURS

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Make one."""
        given = self.validated()
        new = NewConnector(label=given.pop("name"), **given)
        return self.answer(service.create_dns_provider(new, by=self.caller))

    def update(self, request: Request, pk: int) -> Response:
        """Change it."""
        return self.answer(service.update_dns_provider(self.get_object(), by=self.caller, **self.validated()))

    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: int) -> Response:
        """Try the connection, with nothing written there."""
        problem = service.try_dns_provider(self.get_object(), by=self.caller)
        return Response({"works": not problem, "problem": problem})


class DnsProviderOptions(APIView):
    """Which kinds of DNS provider there are."""

    outputs: ClassVar = {"get": ProviderOptions}

    def get(self, request: Request) -> Response:
        """Their names and what each needs to know."""
        found = []
        for entry in registry.entries.values():
            if entry.kind == DnsProvider.kind:
                try:
                    plugin = entry.load()
                except PluginUnavailable:
                    continue
                found.append({"name": entry.slug, "title": plugin.title, "requirements": describe(plugin.Options)})
        return Response({"options": found, "total": len(found)})
