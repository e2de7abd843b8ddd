"""Lists over the API: :class:`web.lists.Listing` as a pagination class of DRF, and how it describes itself."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from web.counts import COUNTED_EXACTLY
from web.lists import DEFAULT_COUNT, LARGEST_COUNT, LARGEST_ID, LARGEST_PAGE, FilterSet, Listing, NoFilters
from web.rest.schema_filters import parameter


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
        count = {"type": "integer", "minimum": 0, "maximum": LARGEST_COUNT, "default": DEFAULT_COUNT}
        page = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 1}
        after = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
        return [
            parameter("page", page, "Which page, from 1."),
            parameter("count", count, "Rows on a page."),
            parameter("after", after, "Only rows with a smaller id, to read all of them."),
            parameter("total", {"type": "string", "enum": ["none"]}, "Leave out the counting."),
        ]


def _filters(view: Any) -> type[FilterSet]:
    return getattr(view, "filterset_class", None) or NoFilters
