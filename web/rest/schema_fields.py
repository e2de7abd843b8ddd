"""How the fields of :mod:`web.rest.fields` describe themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from web.rest.fields import MOST_REFERENCES, Years
from web.rest.schema_answers import component
from web.rest.schema_texts import ANY_TEXT, LINE, SOME_TEXT, Schema, opened

SPELLINGS = sorted(
    {text for text in serializers.BooleanField.TRUE_VALUES | serializers.BooleanField.FALSE_VALUES if type(text) is str}
)
SPELLED: Schema = {
    "description": "True or false as clients of Netflix Lemur may spell it.",
    "enum": [*SPELLINGS, 0, 1],
}


class TextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text: how long it may be, and whether there must be something in it."""

    target_class = "web.rest.fields.Text"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        field = self.target
        schema: Schema = {"type": "string", "pattern": ANY_TEXT if field.allow_blank else SOME_TEXT}
        if field.max_length:
            schema["maxLength"] = field.max_length
        return schema if field.allow_blank else {**schema, "minLength": max(1, field.min_length or 0)}


class LineSchema(TextSchema):  # type: ignore[no-untyped-call]
    """One line of visible characters."""

    target_class = "web.rest.fields.Line"
    priority = 1

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {**super().map_serializer_field(auto_schema, direction), "pattern": LINE}


class PemSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text that holds PEM."""

    target_class = "web.rest.fields.Pem"
    priority = 1

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        least = 0 if self.target.allow_blank else 1
        bounds = {"minLength": least, "maxLength": self.target.max_length}
        return {"type": "string", **bounds, "contentMediaType": "application/x-pem-file"}


class YesNoSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """True, false, or one of the other spellings."""

    target_class = "web.rest.fields.YesNo"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {"anyOf": [{"type": "boolean"}, component(auto_schema.registry, "SpelledBoolean", "schemas", SPELLED)]}


class YearsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A number, or the same as text."""

    target_class = "web.rest.fields.Years"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        number = {"type": "integer", "minimum": self.target.min_value, "maximum": self.target.max_value}
        return {"anyOf": [number, {"type": "string", "pattern": Years.PATTERN}]}


class UtcDateTimeSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A moment with an offset; without one UTC is meant, which the format has no words for."""

    target_class = "web.rest.fields.UtcDateTime"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        moment: Schema = {"type": "string", "format": "date-time"}
        return {"anyOf": [moment]} if self.target.allow_null else moment


class RefSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A reference: by id or by name when sent, with both when shown. A list is all by id, or all by name."""

    target_class = "web.rest.fields.Ref"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        kind = self.target.rows().model.__name__

        def part(name: str, schema: Schema) -> Schema:
            return component(auto_schema.registry, f"{kind}{name}", "schemas", schema)

        if direction == "response":
            shown = part("Named", SHOWN)
            return {"type": "array", "items": shown} if self.target.many else shown
        ways = [part("ById", BY_ID), part("ByName", BY_NAME)]
        if not self.target.many:
            return {"anyOf": ways}
        return {"anyOf": [{"type": "array", "items": way, "maxItems": MOST_REFERENCES} for way in ways]}


SHOWN: Schema = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 1}, "name": {"type": "string"}},
    "required": ["id", "name"],
}
ID: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^[1-9][0-9]{0,17}$"}]}
BY_ID = opened(
    {
        "description": "A row that exists, by its id; a name beside it is not looked at.",
        "type": "object",
        "properties": {"id": ID},
        "required": ["id"],
    }
)
BY_NAME = opened(
    {
        "description": "A row that exists, by its name.",
        "type": "object",
        "properties": {"id": {"type": "null"}, "name": {"type": "string", "minLength": 1, "pattern": ANY_TEXT}},
        "required": ["name"],
    }
)
