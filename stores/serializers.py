"""Destinations and sources as JSON (contract 9.5 and 11)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from core.connectors import Connector
from core.errors import Unavailable
from plugins import PluginUnavailable, registry
from stores.models import Destination, Source
from web.rest.serializers import ModelSerializer, Serializer


class Option(Serializer):
    """An option of a plugin, as Lemur describes it; the value of a secret one is null."""

    name = drf.CharField()
    type = drf.CharField()
    required = drf.BooleanField()  # type: ignore[assignment]
    help_message = drf.CharField()
    sensitive = drf.BooleanField()
    validation = drf.CharField(required=False)
    available = drf.ListField(required=False)
    default = drf.JSONField(required=False)
    value = drf.JSONField(allow_null=True)


class PluginOutput(Serializer):
    """Which plugin a connector uses, and how it is configured."""

    slug = drf.CharField()
    title = drf.CharField()
    description = drf.CharField()
    plugin_options = Option(many=True)


def describe_plugin(connector: Connector) -> dict[str, Any]:
    """What :class:`PluginOutput` describes; of a plugin that cannot be loaded here only what is stored."""
    try:
        plugin = connector.plugin_class
        said = {"title": plugin.title, "description": plugin.description}
    except Unavailable as error:
        said = {"title": connector.plugin, "description": error.message}
    return {"slug": connector.plugin, **said, "pluginOptions": connector.described_options()}


class StoreOutput(ModelSerializer):
    """What destinations and sources have in common."""

    plugin = drf.SerializerMethodField()
    options = drf.SerializerMethodField()

    @extend_schema_field(PluginOutput)
    def get_plugin(self, store: Connector) -> dict[str, Any]:
        """The plugin, with its options."""
        return describe_plugin(store)

    @extend_schema_field(Option(many=True))
    def get_options(self, store: Connector) -> list[dict[str, Any]]:
        """The same options, in the place where Lemur has them as well."""
        return store.described_options()


class DestinationOutput(StoreOutput):
    """A destination."""

    class Meta:
        model = Destination
        fields = ("id", "label", "description", "active", "plugin", "options")


class SourceOutput(StoreOutput):
    """A source, and when it was last looked at."""

    class Meta:
        model = Source
        fields = ("id", "label", "description", "active", "plugin", "options", "last_run")


class PluginInput(Serializer):
    """A plugin and its options: Lemur's list of names and values, or an object."""

    slug = drf.CharField(max_length=64)
    plugin_options = drf.JSONField(required=False)


class StoreRequest(Serializer):
    """``POST``: ``kind`` is what sort of plugin must be named."""

    kind = ""

    label = drf.CharField(max_length=128)  # type: ignore[assignment]
    description = drf.CharField(max_length=1024, allow_blank=True)
    active = drf.BooleanField(required=False)
    plugin = PluginInput()

    def validate_plugin(self, plugin: dict[str, Any]) -> dict[str, Any]:
        """Is there one of that name?"""
        try:
            registry.get(plugin["slug"], self.kind)
        except PluginUnavailable as error:
            text = f"Unable to find plugin. Slug: {plugin['slug']} Reason: {error}"
            raise drf.ValidationError({"_schema": [text]}) from error
        return plugin

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The plugin as the service takes it. Options that are absent stay as they are, where there are any."""
        chosen = attrs.pop("plugin", None)
        if chosen is not None:
            attrs["plugin"] = chosen["slug"]
            if "plugin_options" in chosen:
                attrs["options"] = chosen["plugin_options"]
        return attrs


class DestinationRequest(StoreRequest):
    """``POST /destinations``."""

    kind = "destination"


class SourceRequest(StoreRequest):
    """``POST /sources``."""

    kind = "source"

    description = drf.CharField(max_length=1024, allow_blank=True, allow_null=True, required=False)

    def validate_description(self, text: str | None) -> str:
        """Null is none."""
        return text or ""


class DestinationEdit(DestinationRequest):
    """``PUT /destinations/N``: what is absent stays as it is."""

    label = drf.CharField(max_length=128, required=False)  # type: ignore[assignment]
    description = drf.CharField(max_length=1024, allow_blank=True, required=False)
    plugin = PluginInput(required=False)


class SourceEdit(SourceRequest):
    """``PUT /sources/N``: what is absent stays as it is."""

    label = drf.CharField(max_length=128, required=False)  # type: ignore[assignment]
    plugin = PluginInput(required=False)


class Deleted(Serializer):
    """Lemur's answer to every DELETE here, whether there was something or not."""

    result = drf.BooleanField()


class Counts(Serializer):
    """Labels, and how many certificates each has."""

    labels = drf.ListField(child=drf.CharField())
    values = drf.ListField(child=drf.IntegerField(min_value=0))


class StatsOutput(Serializer):
    """``GET /destinations/stats``: ``total`` is the number of labels."""

    items = Counts()
    total = drf.IntegerField(min_value=0)
