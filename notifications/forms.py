"""The form of a notification: what people call it, and the options of its plugin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.models import Notification
from plugins import PluginOptions
from web.forms import OptionsForm

LABELS = {"interval": _("How long before the end"), "unit": _("Unit"), "recipients": _("Recipients")}


class NotificationForm(OptionsForm):
    """One form for both. ``cleaned_data`` after validation is what the services take: the options are one value."""

    def __init__(
        self, options: type[PluginOptions], *args: Any, notification: Notification | None = None, **kwargs: Any
    ) -> None:
        row = notification or Notification()
        self.has_secrets = bool(row.secret_names)
        stored = dict.fromkeys(row.secret_names)
        super().__init__(options, *args, values=row.options, stored=stored, prefix=None, **kwargs)
        named = {
            "label": forms.CharField(label=_("Label"), max_length=128, initial=row.label),
            "description": forms.CharField(
                label=_("Description"), required=False, max_length=1024, initial=row.description
            ),
            "active": forms.BooleanField(label=_("Active"), required=False, initial=row.active),
        }
        self.option_names = list(self.fields)
        self.fields = {**named, **self.fields}
        for name, label in LABELS.items():
            if name in self.fields:
                self.fields[name].label = label

    @property
    def others(self) -> list[forms.BoundField]:
        """The plugin's own options, beside those that all kinds have."""
        return [self[name] for name in self.option_names if name not in ("interval", "unit")]

    def clean(self) -> dict[str, Any]:
        """The plugin's own checks, unless stored secrets have a part in them: those the service opens."""
        if not self.has_secrets:
            super().clean()
        given = {name: self.cleaned_data.get(name) for name in ("label", "description", "active")}
        return {**given, "options": self.given()}

    def given(self) -> dict[str, Any]:
        """Of the plugin's options alone."""
        return {name: value for name, value in super().given().items() if name in self.option_names}
