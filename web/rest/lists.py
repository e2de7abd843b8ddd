"""Lists over the API: :class:`web.lists.Listing` as a pagination class of DRF, and how it describes itself."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from web.counts import COUNTED_EXACTLY
from web.lists import DEFAULT_COUNT, LARGEST_COUNT, FilterSet, Listing, NoFilters, filter_keys
from web.spelling import camel


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Describes a view's FilterSet; :class:`Pagination` applies it, so that pages and API share one Listing."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        return queryset


class Pagination(BasePagination):
    """``{"items": […], "total": n}``."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.listing = Listing(_filters(view), queryset, request.query_params, request=request, form=False)
        return self.listing.items

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "total": self.listing.total})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "total"],
            "properties": {
                "items": schema,
                "total": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "description": f"Rows that match; above {COUNTED_EXACTLY} up to 10 s old. Null for total=none.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        ordering = _filters(view).base_filters.get("ordering")
        parameters = [
            _parameter("page", {"type": "integer", "minimum": 1, "default": 1}, "Which page, from 1."),
            _parameter(
                "count",
                {"type": "integer", "minimum": 0, "maximum": LARGEST_COUNT, "default": DEFAULT_COUNT},
                "Rows on a page.",
            ),
            _parameter("after", {"type": "integer", "minimum": 0}, "Only rows with a smaller id, to read all of them."),
            _parameter("total", {"type": "string", "enum": ["none"]}, "Leave out the counting."),
        ]
        if ordering:
            fields = [camel(name) for name in ordering.param_map]
            parameters += [
                _parameter("sortBy", {"type": "string", "enum": fields}, "Together with sortDir."),
                _parameter("sortDir", {"type": "string", "enum": ["asc", "desc"]}, "Together with sortBy."),
            ]
        if keys := sorted(camel(name) for name in filter_keys(_filters(view))):
            schema = {"type": "string", "pattern": f"^({'|'.join(keys)});"}
            parameters.append(_parameter("filter", schema, f"A key and a value, key;value. Keys: {', '.join(keys)}."))
        return parameters


def _filters(view: Any) -> type[FilterSet]:
    return getattr(view, "filterset_class", None) or NoFilters


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
