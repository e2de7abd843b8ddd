"""Plugins and connectors as JSON (contract 9.5)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from core.connectors import Connector
from web.rest.serializers import ModelSerializer, Serializer


class PluginOption(Serializer):
    """An option of a plugin, as Lemur describes it."""

    name = drf.CharField()
    type = drf.CharField()
    required = drf.BooleanField()  # type: ignore[assignment]
    help_message = drf.CharField()
    sensitive = drf.BooleanField()
    validation = drf.CharField(required=False)
    available = drf.ListField(required=False)
    default = drf.JSONField(required=False)


class ConfiguredOption(PluginOption):
    """An option of a connector; the value of a secret one is null."""

    value = drf.JSONField(allow_null=True)


class ConnectorPlugin(Serializer):
    """Which plugin a connector uses, and how it is configured."""

    slug = drf.CharField()
    title = drf.CharField()
    description = drf.CharField()
    plugin_options = ConfiguredOption(many=True)


class ConnectorOutput(ModelSerializer):
    """A destination, a source or a notification, by itself and inside a certificate."""

    plugin = drf.SerializerMethodField()
    options = drf.SerializerMethodField()

    @extend_schema_field(ConnectorPlugin)
    def get_plugin(self, connector: Connector) -> dict[str, Any]:
        """The plugin, with its options."""
        return {**connector.described_plugin(), "pluginOptions": connector.described_options()}

    @extend_schema_field(ConfiguredOption(many=True))
    def get_options(self, connector: Connector) -> list[dict[str, Any]]:
        """The same options, in the place where Lemur has them as well."""
        return connector.described_options()


class ConnectorBrief(Serializer):
    """A connector inside a certificate. Each row is described once, however often a list shows it."""

    id = drf.IntegerField()
    label = drf.CharField()  # type: ignore[assignment]
    description = drf.CharField()
    active = drf.BooleanField()
    options = ConfiguredOption(many=True)
    plugin = ConnectorPlugin()

    def to_representation(self, connector: Connector) -> dict[str, Any]:
        shown: dict[str, Any] | None = connector.__dict__.get("shown")
        if shown is None:
            options = connector.described_options()
            plugin = {**connector.described_plugin(), "pluginOptions": options}
            named = {name: getattr(connector, name) for name in ("id", "label", "description", "active")}
            shown = connector.__dict__["shown"] = {**named, "options": options, "plugin": plugin}
        return shown


class PluginInput(Serializer):
    """A plugin and its options: Lemur's list, of which ``name`` and ``value`` count, or an object."""

    slug = drf.CharField(max_length=64)
    plugin_options = drf.JSONField(required=False, allow_null=True)
