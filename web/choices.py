"""Choosing among rows on pages: what is drawn, how it is read from the database, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

MOST_CHOICES = 200
"""Among how many rows a filter lets one choose."""


class Choices(forms.CheckboxSelectMultiple):
    """Boxes to tick, in a list that scrolls: what was chosen before stands first, where it is seen."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        """One group for each box; Django's order among equals."""
        return sorted(super().optgroups(name, value, attrs), key=lambda group: not group[1][0]["selected"])


class Select(forms.Select):
    """A list to choose one from, without groups.

    Django draws each choice from a template of its own: two hundred of them take as long as all the rest of a page.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = set(self.format_value(value))
        choices = ((key, mark_safe(" selected") if str(key) in chosen else "", label) for key, label in self.choices)
        options = format_html_join("", '<option value="{}"{}>{}</option>', choices)
        return format_html(
            "<select{}>{}</select>", flatatt({"name": name, **self.build_attrs(self.attrs, attrs)}), options
        )


class FewRows(Select):
    """Hidden where there are more than :data:`MOST_CHOICES`, which is found out only when it is shown."""

    @cached_property
    def is_hidden(self) -> bool:
        return sum(1 for key, _ in self._first if key != "") > MOST_CHOICES

    @cached_property
    def _first(self) -> list[Any]:
        return list(iter(self.choices))  # without iter() Django would count them first

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        if self.is_hidden:
            return forms.HiddenInput().render(*args, **kwargs)
        self.choices = self._first
        return super().render(*args, **kwargs)


class Rows(ModelChoiceIterator):  # type: ignore[type-arg]
    """All rows as choices, in one statement; Django's go through a cursor of the database, which takes three."""

    most: int | None = None

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from map(self.choice, self.queryset if self.most is None else self.queryset[: self.most])


class FirstRows(Rows):
    """As many of them as :class:`FewRows` shows, and one more if there are more."""

    most = MOST_CHOICES + 1


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One row, chosen from a list. For several there is :class:`core.forms.RowsField`."""

    iterator = Rows
    widget = Select
