"""How the fields of :mod:`web.rest.fields` describe themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import build_array_type
from rest_framework import serializers

from web.rest.fields import MOST_REFERENCES, Years
from web.rest.schema_answers import Schema, component

# A database cannot store NUL, so that it is nowhere allowed.
ANY_TEXT = r"^[^\u0000]*$"
SOME_TEXT = r"^[^\u0000]*[^\s\u0000-\u001f\u0085\ufeff][^\u0000]*$"
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


class PemSchema(TextSchema):  # type: ignore[no-untyped-call]
    """Text that holds PEM."""

    target_class = "web.rest.fields.Pem"
    priority = 1

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        schema = super().map_serializer_field(auto_schema, direction)
        return {**schema, "contentMediaType": "application/x-pem-file"}


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
    """A reference: by id or by name when sent, with both when shown. One component for each kind of row."""

    target_class = "web.rest.fields.Ref"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        name = f"{self.target.rows().model.__name__}{'Reference' if direction == 'request' else 'Named'}"
        one = component(auto_schema.registry, name, "schemas", sent_reference() if direction == "request" else SHOWN)
        if not self.target.many:
            return one
        many: Schema = build_array_type(one)
        return {**many, "maxItems": MOST_REFERENCES} if direction == "request" else many


SHOWN: Schema = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 1}, "name": {"type": "string"}},
    "required": ["id", "name"],
}


def sent_reference() -> Schema:
    """With an id the name is not looked at."""
    number = {"type": "integer", "minimum": 1}
    by_id = {"properties": {"id": {"anyOf": [number, {"type": "string", "pattern": r"^[1-9][0-9]{0,17}$"}]}}}
    by_name = {"properties": {"id": {"type": "null"}, "name": {"type": "string", "minLength": 1, "pattern": ANY_TEXT}}}
    return {
        "description": "A row that exists, by its id or by its name.",
        "type": "object",
        "anyOf": [{**by_id, "required": ["id"]}, {**by_name, "required": ["name"]}],
    }
