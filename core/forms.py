"""Form fields that know what the database can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

MOST_DIGITS = 18  # all numbers of so many digits fit a 64-bit column


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


class RowIterator(ModelChoiceIterator):  # type: ignore[type-arg]
    """Choices, of which there may be a limit, in one statement; Django's go through a cursor, which takes three."""

    most: int | None = None

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from map(self.choice, self.queryset if self.most is None else self.queryset[: self.most])


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One row, chosen from a list."""

    iterator = RowIterator
    widget = Select


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows by their ids. One that no column could hold is an unknown choice; Django would let the database fail."""

    def clean(self, value: Any) -> Any:
        for pk in value if isinstance(value, list | tuple) else ():
            if len(str(pk)) > MOST_DIGITS:
                raise ValidationError(
                    self.error_messages["invalid_pk_value"], code="invalid_pk_value", params={"pk": str(pk)[:100]}
                )
        return super().clean(value)
