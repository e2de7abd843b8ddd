"""Plugins and connectors as JSON (contract 9.5)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from core.connectors import Connector
from pki.keys import KEY_SPECS, SYNONYMS
from web.rest.fields import Text
from web.rest.schema_texts import ANY_TEXT, opened
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


@extend_schema_field({"type": ["string", "integer", "number", "boolean"]})
class Value(drf.JSONField):
    """What an option is set to."""


class ConfiguredOption(PluginOption):
    """An option of a connector; the value of a secret one is null."""

    value = Value(allow_null=True)


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
        return described(connector)[1]

    @extend_schema_field(ConfiguredOption(many=True))
    def get_options(self, connector: Connector) -> list[dict[str, Any]]:
        """The same options, in the place where Lemur has them as well."""
        return described(connector)[0]


class ConnectorBrief(Serializer):
    """A connector inside a certificate."""

    id = drf.IntegerField()
    label = drf.CharField()  # type: ignore[assignment]
    description = drf.CharField()
    active = drf.BooleanField()
    options = ConfiguredOption(many=True)
    plugin = ConnectorPlugin()

    def to_representation(self, connector: Connector) -> dict[str, Any]:
        options, plugin = described(connector)
        named = {name: getattr(connector, name) for name in ("id", "label", "description", "active")}
        return {**named, "options": options, "plugin": plugin}


def described(connector: Connector) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The options, and the plugin with them: found out once for each object, however often a list shows it."""
    if "described" not in connector.__dict__:
        options = connector.described_options()
        connector.__dict__["described"] = (options, {**connector.described_plugin(), "pluginOptions": options})
    found: tuple[list[dict[str, Any]], dict[str, Any]] = connector.__dict__["described"]
    return found


_NAMED = opened(
    {"type": "object", "properties": {"name": {"type": "string", "pattern": ANY_TEXT}}, "required": ["name"]}
)
LISTED = {
    "description": "As Netflix Lemur sends them; of the rest of each nothing is believed.",
    "type": "array",
    "items": _NAMED,
}


@extend_schema_field({"anyOf": [LISTED, opened({"description": "The same by name.", "type": "object"})]})
class GivenOptions(drf.JSONField):
    """Options of a plugin; which there are, the plugin says (``GET /plugins``)."""


OFFERED = [*KEY_SPECS, *(synonym for synonym, name in SYNONYMS.items() if name in KEY_SPECS)]


@extend_schema_field({"type": "string", "enum": OFFERED})
class KeyType(Text):
    """A kind of key, in any case; of a known one that is not offered :mod:`pki.keys` says why."""


class PluginInput(Serializer):
    """A plugin and its options: Lemur's list, of which ``name`` and ``value`` count, or an object."""

    slug = Text(max_length=64)
    plugin_options = GivenOptions(required=False, allow_null=True)
