"""The form of a destination or source: what every one has, and the options of its plugin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plugins import PluginOptions
from stores.models import Destination, Source
from web.forms import OptionsForm


class StoreForm(OptionsForm):
    """The plugin's own checks are the service's: it knows the secrets that are stored and not shown here."""

    OWN = ("own_label", "own_description", "own_active")  # no option has an underscore in its name

    own_label = forms.CharField(label=_("Label"), max_length=128, help_text=_("What people here call it."))
    own_description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    own_active = forms.BooleanField(label=_("In use"), required=False)

    def __init__(
        self, options: type[PluginOptions], *args: Any, store: Destination | Source | None = None, **kwargs: Any
    ) -> None:
        stored = dict.fromkeys(store.secret_names, "") if store else {}
        shown = store.options if store else {}
        super().__init__(options, *args, values=shown, stored=stored, prefix=None, **kwargs)
        own = {
            "own_label": store.label if store else "",
            "own_description": store.description if store else "",
            "own_active": store.active if store else True,
        }
        self.initial.update(own)

    @property
    def others(self) -> list[forms.BoundField]:
        """The plugin's own options."""
        return [field for field in self if field.name not in self.OWN]

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in super().given().items() if name not in self.OWN}

    def as_changes(self) -> dict[str, Any]:
        """As the service takes it."""
        own = {name.removeprefix("own_"): self.cleaned_data[name] for name in self.OWN}
        return {**own, "options": self.given()}
