"""What lists can be narrowed and sorted by, as parameters of the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from django_filters.filters import BaseCSVFilter
from drf_spectacular.extensions import OpenApiFilterExtension

from web.lists import LARGEST_ID, FilterSet, YesNoField, YesNoFilter, filter_keys
from web.rest.schema_texts import ANY_TEXT, Schema
from web.spelling import camel

TEXT: Schema = {"type": "string", "pattern": ANY_TEXT}
MOMENT = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
SIMPLE: dict[type[django_filters.Filter], Schema] = {
    YesNoFilter: {"type": "boolean"},
    django_filters.IsoDateTimeFilter: {"type": "string", "format": "date-time"},
    django_filters.DateFilter: {"type": "string", "format": "date"},
}


class FilterParameters(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """The FilterSet's own parameters, spelled as on the wire, and ``filter=key;value``."""

    target_class = "web.rest.lists.FilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[Schema]:
        filterset: type[FilterSet] = auto_schema.view.filterset_class
        shown = {name: one for name, one in filterset.base_filters.items() if not _is_internal(name)}
        parameters = [parameter for name, one in shown.items() for parameter in _plain(name, one)]
        return [*parameters, *_sorting(filterset), *_clause(filterset)]


def _is_internal(name: str) -> bool:
    return name == "ordering" or name.startswith("filter_")


def parameter(name: str, schema: Schema, description: str, **more: Any) -> Schema:
    """An optional query parameter; an empty one is none."""
    told = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return {**told, "allowEmptyValue": True, **more}


def _plain(name: str, one: django_filters.Filter) -> list[Schema]:
    schema, told = _schema(one), str(one.extra.get("help_text") or one.label or camel(name))
    if isinstance(one, django_filters.RangeFilter):
        return [parameter(camel(f"{name}_{end}"), schema, told) for end in ("min", "max")]
    if isinstance(one, BaseCSVFilter):
        return [parameter(camel(name), {"type": "array", "items": schema}, told, style="form", explode=False)]
    return [parameter(camel(name), schema, told)]


def _schema(one: django_filters.Filter) -> Schema:
    if isinstance(one, django_filters.ModelChoiceFilter):
        return {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
    if isinstance(one, django_filters.ChoiceFilter):
        return {"type": "string", "enum": [choice for choice, _ in one.extra["choices"]]}
    if isinstance(one, django_filters.NumberFilter | django_filters.RangeFilter):
        least, most = one.extra.get("min_value", -LARGEST_ID), one.extra.get("max_value", LARGEST_ID)
        return {"type": "integer", "minimum": least, "maximum": most}
    return next((schema for kind, schema in SIMPLE.items() if isinstance(one, kind)), TEXT)


def _sorting(filterset: type[FilterSet]) -> list[Schema]:
    ordering = filterset.base_filters.get("ordering")
    if ordering is None:
        return []
    fields = {"type": "string", "enum": [camel(name) for name in ordering.param_map]}
    direction = "Together with sortBy; desc for descending, anything else for ascending."
    return [parameter("sortBy", fields, "Together with sortDir."), parameter("sortDir", TEXT, direction)]


def _clause(filterset: type[FilterSet]) -> list[Schema]:
    """Which keys there are, and for each what a value looks like."""
    keys = {camel(key): filterset.base_filters[name] for key, name in filter_keys(filterset).items()}
    if not keys:
        return []
    by_value: dict[str, list[str]] = {}
    for key in sorted(keys):
        by_value.setdefault(_value(keys[key]), []).append(re.escape(key))
    pattern = "|".join(f"({'|'.join(names)});{value}" for value, names in by_value.items())
    told = f"A key and a value, key;value. Keys: {', '.join(sorted(keys))}."
    return [parameter("filter", {"type": "string", "pattern": f"^({pattern})$"}, told)]


def _value(one: django_filters.Filter) -> str:
    schema = _schema(one)
    if schema["type"] == "boolean":
        return f"({'|'.join(sorted(YesNoField.YES | YesNoField.NO))})?"
    if schema["type"] == "integer":
        digits = f"[0-9]{{1,{len(str(schema['maximum'])) - 1}}}"
        number = digits if schema["minimum"] >= 0 else f"-?{digits}"
        return f"({number}(,{number})*)?" if isinstance(one, BaseCSVFilter) else f"({number})?"
    if "enum" in schema:
        return f"({'|'.join(map(re.escape, schema['enum']))})?"
    return f"({MOMENT})?" if schema.get("format") == "date-time" else r"[^\u0000]*"
