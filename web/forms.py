"""Forms that come from a plugin's options: one declaration serves the wire and the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from pki.keys import KEY_SPECS
from plugins.options import OptionErrors, PluginOptions, describe, parse
from web.spelling import snake
from web.templatetags.ui import key_name

KEY_CHOICES = [(name, key_name(name)) for name in KEY_SPECS]
KEEP = "Leave empty to keep what is stored."
FORGET = "forget_"  # no option has an underscore in its name


class Choices(forms.CheckboxSelectMultiple):
    """Boxes to tick, in a list that scrolls: what was chosen before stands first, where it is seen."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        """One group for each box; Django's order among equals."""
        return sorted(super().optgroups(name, value, attrs), key=lambda group: not group[1][0]["selected"])


def moment_input() -> forms.DateTimeInput:
    """For a day and an hour, without a zone; the label says which one is meant."""
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


def option_fields(
    options: type[PluginOptions], *, values: Mapping[str, Any] | None = None, stored: Collection[str] = ()
) -> dict[str, forms.Field]:
    """A form field for each option, by wire name. ``values`` are shown; of secrets, only that they are ``stored``.

    After a stored secret that need not be there, a box that takes it away.
    """
    shown, fields = values or {}, {}
    for option in describe(options):
        name = option["name"]
        fields[name] = _field(option, shown.get(name), name in stored)
        if option["sensitive"] and name in stored and not option["required"]:
            label = f"Take the stored {_label(name).lower()} away"
            fields[FORGET + name] = forms.BooleanField(label=label, required=False)
    return fields


class OptionsForm(forms.Form):
    """The options of one plugin. ``self.given()`` is what to store.

    A ``stored`` secret that was left empty is not in it, and one to be taken away is "".
    """

    def __init__(
        self,
        options: type[PluginOptions],
        *args: Any,
        values: Mapping[str, Any] | None = None,
        stored: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **{"prefix": "options", **kwargs})
        self.options, self.stored = options, stored or {}
        self.fields.update(option_fields(options, values=values, stored=self.stored))

    def clean(self) -> dict[str, Any]:
        """The plugin's own checks, each complaint at its field. ``stored`` secrets stand in for those left empty."""
        cleaned = self.cleaned_data
        if not self.errors:
            try:
                parse(self.options, {**self.stored, **self.given()})
            except OptionErrors as error:
                for name, sentence in error.errors.items():
                    self.add_error(name if name in self.fields else None, sentence)
        return cleaned

    def given(self) -> dict[str, Any]:
        """Wire names and values, without what was left empty."""
        filled = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        boxes = {name: filled.pop(name) for name in list(filled) if name.startswith(FORGET)}
        return {**filled, **{name.removeprefix(FORGET): "" for name, ticked in boxes.items() if ticked}}


class SecretArea(forms.Textarea):
    """A secret of several lines: what was typed is never sent back."""

    def format_value(self, value: Any) -> None:
        """Always empty."""


def _field(option: Mapping[str, Any], value: Any, stored: bool) -> forms.Field:
    default = option.get("default")
    common: dict[str, Any] = {
        "label": _label(option["name"]),
        "required": option["required"] and not stored,
        "initial": default if value is None else value,
        "help_text": option["helpMessage"],
    }
    if option.get("sensitive"):
        help_text = " ".join(filter(None, (option["helpMessage"], KEEP if stored else "")))
        shown = {**common, "initial": None, "help_text": help_text}
        return forms.CharField(**shown, strip=False, widget=_secret_widget(option["type"]))
    match option["type"]:
        case "bool":
            return forms.BooleanField(**{**common, "required": False})
        case "int":
            return forms.IntegerField(**common)
        case "select":
            empty = [] if common["required"] or default is not None else [("", "—")]
            return forms.ChoiceField(**common, choices=[*empty, *((choice, choice) for choice in option["available"])])
        case "textarea":
            return forms.CharField(**common, widget=forms.Textarea(attrs={"rows": 6}))
    return forms.CharField(**common, validators=_validators(option))


def _secret_widget(kind: str) -> forms.Widget:
    if kind == "textarea":
        return SecretArea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off", "class": "mono"})
    return forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})


def _label(name: str) -> str:
    return snake(name).replace("_", " ").capitalize()


def _validators(option: Mapping[str, Any]) -> list[RegexValidator]:
    pattern = option.get("validation")
    return [RegexValidator(pattern, f"This does not match {pattern}.")] if pattern else []
