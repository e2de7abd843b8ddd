"""Fields that Lemur's JSON has and Django REST framework has not, with the texts of contract 1.4 and 9."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework import serializers

from web.lists import LARGEST_ID

MOST_REFERENCES = 1000


class Text(serializers.CharField):
    """Text that was sent as text: a number is none. White space around it goes, and counts for ``max_length``."""

    default_error_messages = {"invalid": "Not a valid string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class Line(Text):
    """A name that people read: one line of visible characters. Services refuse others, with sentences of their own."""


class YesNo(serializers.BooleanField):
    """True or false, in Lemur's spellings as well (``"true"``, 1); an empty text is neither."""

    NULL_VALUES = {None}


class Number(serializers.IntegerField):
    """A whole number that was sent as a number."""

    default_error_messages = {"invalid": "Not a valid integer."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Years(serializers.IntegerField):
    """From 1 to 100, also as text: Lemur's own pages send it so."""

    PATTERN = r"^([1-9][0-9]?|100)$"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 100, **kwargs})

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not re.fullmatch(self.PATTERN, data, re.ASCII):
            self.fail("invalid")
        return super().to_internal_value(data)


class UtcDateTime(serializers.DateTimeField):
    """ISO 8601 both ways: printed as ``…+00:00``; without an offset the input means UTC (contract 1.7)."""

    default_error_messages = {"invalid": "Not a valid datetime."}

    def to_internal_value(self, value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat()


class Email(serializers.EmailField):
    """An e-mail address, lower-cased."""

    default_error_messages = {"invalid": "Not a valid email address."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 128, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class Pem(Text):
    """PEM text without the white space around it; what is in it, ``pki`` must say. ``max_length`` counts characters."""

    def __init__(self, *, max_length: int = 64 * 1024, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)


class Ref(serializers.Field[Any, Any, Any, Any]):
    """A reference to a row, ``{"id": 1}`` or ``{"name": "x"}``, or with ``many`` a list of them, in one query.

    ``rows`` is called at each request (``Ref(Authority.objects.all)``): all rows resolve, whether the caller may use
    one is the service's question. ``name_field`` is the column that holds the name. With an id the name is not looked
    at; a list goes by id if each element has one, else by name.
    """

    default_error_messages = {
        "shape": "Associated object require a name or id.",
        "list": "Not a valid list.",
        "most": "There may be no more than {most} references.",
        "id": "Unable to find {model} with id: {value}",
        "name": "Unable to find {model} with name: {value}",
        "names": "Unable to locate {model} with name {value}",
        "ambiguous": "More than one {model} has the name {value}; use its id.",
    }

    def __init__(
        self, rows: Callable[[], QuerySet[Any]], *, many: bool = False, name_field: str = "name", **kwargs: Any
    ) -> None:
        self.rows, self.many, self.name_field = rows, many, name_field
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not self.many:
            return self._find([data])[0]
        if not isinstance(data, list):
            self.fail("list")
        if len(data) > MOST_REFERENCES:
            self.fail("most", most=MOST_REFERENCES)
        return self._find(data)

    def to_representation(self, value: Any) -> Any:
        return [self._show(row) for row in value.all()] if self.many else self._show(value)

    def _show(self, row: Model) -> dict[str, Any]:
        return {"id": row.pk, "name": getattr(row, self.name_field)}

    def _find(self, data: list[Any]) -> list[Model]:
        """The rows in the order asked for, each once."""
        if not all(isinstance(item, dict) for item in data):
            self._refuse("shape")
        if all(item.get("id") is not None for item in data):
            return self._by_id(dict.fromkeys(_text(item["id"]) for item in data))
        names = [item.get("name") for item in data]
        if not all(isinstance(name, str) and name for name in names):
            self._refuse("shape")
        return self._by_name(dict.fromkeys(names))

    def _by_id(self, texts: Iterable[str]) -> list[Model]:
        for text in texts:
            if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID):
                self._refuse("id", value=text[:100])
        found = self.rows().in_bulk([int(text) for text in texts])
        for text in texts:
            if int(text) not in found:
                self._refuse("id", value=text)
        return [found[int(text)] for text in texts]

    def _by_name(self, names: Iterable[str]) -> list[Model]:
        storable = [name for name in names if "\x00" not in name]
        found: dict[str, Model] = {}
        for row in self.rows().filter(**{f"{self.name_field}__in": storable}):
            name = getattr(row, self.name_field)
            if name in found:
                self._refuse("ambiguous", value=name)
            found[name] = row
        if missing := [name[:100] for name in names if name not in found]:
            self._refuse("names" if self.many else "name", value=", ".join(missing))
        return [found[name] for name in names]

    def _refuse(self, key: str, **values: Any) -> None:
        """Lemur's clients look for these under ``_schema`` of the field."""
        text = self.error_messages[key].format(model=self.rows().model, **values)
        raise serializers.ValidationError({"_schema": [text]}, code=key)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else repr(value)
