"""Notifications as JSON (contract 9.5 and 11)."""

from __future__ import annotations

from typing import Any

from certificates.models import Certificate
from notifications.models import Notification
from web.rest.connectors import ConnectorOutput, PluginInput
from web.rest.fields import Line, Ref, Text, YesNo
from web.rest.serializers import Serializer


class NotificationOutput(ConnectorOutput):
    """A notification, by itself and inside a certificate."""

    class Meta:
        model = Notification
        fields = ("id", "label", "description", "active", "options", "plugin")


class NotificationEdit(Serializer):
    """``PUT /notifications/N``: what is absent stays as it is."""

    label = Line(required=False, max_length=128)  # type: ignore[assignment]
    description = Text(required=False, allow_blank=True, allow_null=True, max_length=1024)
    active = YesNo(required=False)
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

    label = Line(max_length=128)
    plugin = PluginInput()
