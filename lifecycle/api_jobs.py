"""All jobs over the API: what is under way, what did not work, and having it tried again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.timezone import now as clock
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.jobs import acting
from lifecycle.jobs.kinds import KINDS
from lifecycle.jobs.listing import JobFilter, JobListing, in_full
from lifecycle.permissions import retrying_any_job
from lifecycle.serializers import JobOutput
from web.rest.idempotency import idempotent
from web.rest.lists import Pagination
from web.rest.views import ViewSet

KIND = {"type": "string", "enum": list(KINDS)}


class JobPagination(Pagination):
    """Rows of several tables have no ids in common, so there is no ``after``."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.listing = JobListing(view.caller, request.query_params, form=False)
        return self.listing.items

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [one for one in super().get_schema_operation_parameters(view) if one["name"] != "after"]


class JobViewSet(ViewSet):
    """Jobs of every kind: what must be done in the outside world."""

    queryset = None
    serializer_class = JobOutput
    filterset_class = JobFilter
    pagination_class = JobPagination
    allows: ClassVar = {"retry": retrying_any_job}
    parameters: ClassVar = {"retry": [OpenApiParameter("kind", KIND, "path")]}

    def list(self, request: Request) -> Response:
        """List jobs. What is not finished, unless a state is asked for; of what is done, the last day."""
        page = self.paginate_queryset(None)  # type: ignore[arg-type]  # its pagination reads all kinds
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @action(detail=False, methods=["post"], url_path="<str:kind>/<int:id>/retry")
    @idempotent()
    def retry(self, request: Request, kind: str, id: int) -> Response:  # noqa: A002  the name in the address
        """Try a job again now: one that was given up, is in doubt, or waits for later. Otherwise nothing is done."""
        job = acting.find(kind, id, by=self.caller)
        [before] = in_full([(kind, id)], user=self.caller, now=clock())
        acting.retry(job, by=self.caller)
        after = next(in_full([(kind, id)], user=self.caller, now=clock()), before)  # it may be done, and gone
        return Response(self.get_serializer(after).data)
