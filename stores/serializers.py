"""Destinations and sources as JSON (contract 9.5 and 11)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as drf

from stores.models import Destination, Source
from web.rest.connectors import ConnectorOutput, PluginInput
from web.rest.fields import Line, Text, YesNo
from web.rest.serializers import Serializer


class DestinationOutput(ConnectorOutput):
    """A destination."""

    class Meta:
        model = Destination
        fields = ("id", "label", "description", "active", "plugin", "options")


class SourceOutput(ConnectorOutput):
    """A source, and when it was last looked at."""

    class Meta:
        model = Source
        fields = ("id", "label", "description", "active", "plugin", "options", "last_run")


class StoreRequest(Serializer):
    """``POST``."""

    label = Line(max_length=128)  # type: ignore[assignment]
    description = Text(max_length=1024, allow_blank=True)
    active = YesNo(required=False)
    plugin = PluginInput()

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


class SourceRequest(StoreRequest):
    """``POST /sources``."""

    description = Text(max_length=1024, allow_blank=True, allow_null=True, required=False)

    def validate_description(self, text: str | None) -> str:
        """Null is none."""
        return text or ""


class DestinationEdit(DestinationRequest):
    """``PUT /destinations/N``: what is absent stays as it is."""

    label = Line(max_length=128, required=False)  # type: ignore[assignment]
    description = Text(max_length=1024, allow_blank=True, required=False)
    plugin = PluginInput(required=False)


class SourceEdit(SourceRequest):
    """``PUT /sources/N``: what is absent stays as it is."""

    label = Line(max_length=128, required=False)  # type: ignore[assignment]
    plugin = PluginInput(required=False)


class CertificatesByLabel(Serializer):
    """Labels, and how many certificates each has."""

    labels = drf.ListField(child=drf.CharField())
    values = drf.ListField(child=drf.IntegerField(min_value=0))


class DestinationStats(Serializer):
    """``GET /destinations/stats``: ``total`` is the number of labels."""

    items = CertificatesByLabel()
    total = drf.IntegerField(min_value=0)
