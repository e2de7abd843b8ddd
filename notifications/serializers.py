"""Notifications as JSON (contract 9.5 and 11)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as drf

from certificates.models import Certificate
from core.errors import Unavailable
from notifications.models import Notification
from web.rest.fields import Ref
from web.rest.serializers import ModelSerializer, Serializer


class NotificationOutput(ModelSerializer):
    """A notification, by itself and inside a certificate."""

    options = drf.SerializerMethodField()
    plugin = drf.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "label", "description", "active", "options", "plugin")

    def get_options(self, notification: Notification) -> list[dict[str, Any]]:
        """Each option with what it is and its value."""
        return notification.described_options()

    def get_plugin(self, notification: Notification) -> dict[str, Any]:
        """The plugin, with the same options once more: that is where clients look for them."""
        try:
            plugin = notification.plugin_class
            title, description = plugin.title, plugin.description
        except Unavailable as error:
            title, description = notification.plugin, str(error)
        return {
            "slug": notification.plugin,
            "title": title,
            "description": description,
            "pluginOptions": notification.described_options(),
        }


class PluginInput(Serializer):
    """Which plugin, and what was written as its options; of each only ``name`` and ``value`` are believed."""

    slug = drf.CharField(max_length=64)
    plugin_options = drf.JSONField(required=False, allow_null=True)


class NotificationEdit(Serializer):
    """``PUT /notifications/N``: what is absent stays as it is."""

    label = drf.CharField(required=False, max_length=128)  # type: ignore[assignment]
    description = drf.CharField(required=False, allow_blank=True, allow_null=True, max_length=1024)
    active = drf.BooleanField(required=False)
    plugin = PluginInput(required=False)
    certificates = Ref(Certificate.objects.present, many=True, required=False)
    added_certificates = Ref(Certificate.objects.present, many=True, required=False)
    removed_certificates = Ref(Certificate.objects.present, many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the service. ``certificates`` are added like the others: a list from a page of the lists
        that a client has seen must not take the rest away."""
        given: dict[str, Any] = {name: attrs[name] for name in ("label", "active") if name in attrs}
        if "description" in attrs:
            given["description"] = attrs["description"] or ""
        if "plugin" in attrs:
            given |= {"plugin": attrs["plugin"]["slug"], "options": attrs["plugin"].get("plugin_options")}
        given["add"] = [*attrs.get("certificates", ()), *attrs.get("added_certificates", ())]
        given["remove"] = attrs.get("removed_certificates", [])
        return given


class NotificationInput(NotificationEdit):
    """``POST /notifications``."""

    label = drf.CharField(max_length=128)
    plugin = PluginInput()


class Done(Serializer):
    """The answer to a deletion."""

    result = drf.BooleanField()
