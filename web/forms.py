"""Forms that come from a plugin's options: one declaration serves the wire and the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from core.connectors import Connector, NewConnector
from pki.keys import KEY_SPECS
from plugins.options import OptionErrors, PluginOptions, describe, parse
from web.spelling import snake
from web.templatetags.ui import key_name

KEY_CHOICES = [(name, key_name(name)) for name in KEY_SPECS]
KEEP = "Leave empty to keep what is stored."
ABBREVIATIONS = frozenset({"acme", "acm", "arn", "dns", "eab", "hmac", "iam", "id", "pem", "tls", "ttl", "uri", "url"})
FORGET = "forget_"  # no option begins so


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
            label = f"Take the stored {option_label(name).lower()} away"
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


class RowForm(OptionsForm):
    """What people say of a row themselves, and beside it the options of its plugin.

    ``OWN`` names the former, each ``own_`` something: no option begins so. ``shown_at`` says at which field a complaint
    of the domain about another one stands. The plugin's own checks are the service's: it knows the secrets that are
    stored and not shown here.
    """

    OWN: ClassVar[tuple[str, ...]]
    shown_at: ClassVar[Mapping[str, str]] = {}

    @property
    def others(self) -> list[forms.BoundField]:
        """The plugin's own options."""
        return [field for field in self if field.name not in self.OWN]

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in super().given().items() if name not in self.OWN}

    def own(self) -> dict[str, Any]:
        """What is said of it besides its options."""
        return {name.removeprefix("own_"): self.cleaned_data[name] for name in self.OWN if name in self.fields}

    def field_of(self, path: str) -> str | None:
        """Which field a complaint of the domain, by its dotted path, is about; None if it has none here."""
        parts = [self.shown_at.get(part, part) for part in path.split(".")]
        own = [] if "plugin_options" in parts else [f"own_{part}" for part in parts]
        return next((name for name in (*own, *parts) if name in self.fields), None)


class ConnectorForm(RowForm):
    """What every connector has, and the options of its plugin. A ``row`` that is not stored stands for a new one."""

    OWN = ("own_label", "own_description", "own_active")

    own_description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    own_active = forms.BooleanField(label=_("In use"), required=False)

    def __init__(self, options: type[PluginOptions], *args: Any, row: Connector, **kwargs: Any) -> None:
        stored = dict.fromkeys(row.secret_names, "")
        super().__init__(options, *args, values=row.options, stored=stored, prefix=None, **kwargs)
        self.row = row
        self.fields = {"own_label": _name_field(row), **self.fields}
        own = {"label": getattr(row, row.name_field), "description": row.description, "active": row.active}
        self.initial.update({f"own_{name}": value for name, value in own.items()})

    def as_new(self, plugin: str) -> NewConnector:
        """As services take one that is made."""
        return NewConnector(plugin=plugin, options=self.given(), **self.own())

    def as_changes(self) -> dict[str, Any]:
        """As services take one that is changed."""
        own = self.own()
        return {self.row.name_field: own.pop("label"), **own, "options": self.given()}


def _name_field(row: Connector) -> forms.CharField:
    column: Any = row._meta.get_field(row.name_field)
    said = _("What people here call it.")
    return forms.CharField(label=row.name_field.capitalize(), max_length=column.max_length, help_text=said)


class SecretArea(forms.Textarea):
    """A secret of several lines: what was typed is never sent back."""

    def format_value(self, value: Any) -> None:
        """Always empty."""


def _field(option: Mapping[str, Any], value: Any, stored: bool) -> forms.Field:
    default = option.get("default")
    common: dict[str, Any] = {
        "label": option_label(option["name"]),
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


def option_label(name: str) -> str:
    """What pages call an option: ``acme_url`` is ACME URL."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in snake(name).split("_")]
    first, *rest = words
    return " ".join([first[:1].upper() + first[1:], *rest])


def _validators(option: Mapping[str, Any]) -> list[RegexValidator]:
    pattern = option.get("validation")
    return [RegexValidator(pattern, f"This does not match {pattern}.")] if pattern else []
