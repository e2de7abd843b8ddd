"""What every API resource starts from: who may see which rows, what goes in and out, and which methods there are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import IO, Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, parsers, routers, views, viewsets
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.errors import NotFound
from core.permissions import Permissions, Rule
from web.lists import FilterSet, NoFilters
from web.rest.errors import NOT_JSON
from web.rest.lists import FilterBackend, Pagination

DEEPEST = 32
MOST_DIGITS = 100
# For answers that hold a secret.
NEVER_CACHED = {"Cache-Control": "private, max-age=0, no-cache, no-store", "Pragma": "no-cache"}
_WHOLES = (dict, list)
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


class JSONParser(parsers.JSONParser):
    """UTF-8 only, each name once, and nothing that no request needs: see the checks below."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            body = stream.read().decode()
            data = json.loads(
                body,
                parse_int=_integer,
                parse_float=_finite,
                parse_constant=_finite,
                object_pairs_hook=_each_once,
            )
            _check_depth(data)
            if "\\u" in body:  # the one way to write what UTF-8 and JSON refuse as it stands
                _check_texts(data)
        except RecursionError as error:
            raise exceptions.ParseError("The body is not JSON: it is nested too deeply.", NOT_JSON) from error
        except ValueError as error:
            raise exceptions.ParseError(f"The body is not JSON: {error}.", NOT_JSON) from error
        return data


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number[:MOST_DIGITS]} is no number")
    return value


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Whoever else looks at the request, a proxy say, may take the other one."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("an object has two members of one name")
    return found


def _check_depth(data: Any) -> None:
    """Refuse nesting beyond what any request needs."""
    level, depth = [data], 0
    while level:
        if (depth := depth + 1) > DEEPEST:
            raise ValueError("it is nested too deeply")
        wholes = (value.values() if isinstance(value, dict) else value for value in level if isinstance(value, _WHOLES))
        level = [part for whole in wholes for part in whole]


def _check_texts(data: Any) -> None:
    """Refuse text that a database could not store."""
    if isinstance(data, str) and _NOT_STORABLE.search(data):
        raise ValueError("a text holds a NUL character or half of a surrogate pair")
    if isinstance(data, _WHOLES):
        for part in (*data, *data.values()) if isinstance(data, dict) else data:
            _check_texts(part)


class AlwaysJSON(DefaultContentNegotiation):
    """Answers in JSON whatever ``Accept`` says, as Lemur does."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Described:
    """What a view says of its operations, by action, or by method where it has no actions (see web.rest.schema).

    ``inputs`` are the serializers of bodies, ``outputs`` those of answers other than ``serializer_class``: one, or one
    for each status. ``refusals`` are statuses that few operations answer, ``parameters`` those of the query that no
    FilterSet has, ``bodies_left_out`` the names of those that work without a body. ``allows`` is the permission that is
    asked: one of the view's, or a rule.
    """

    inputs: ClassVar[Mapping[str, type[BaseSerializer[Any]]]] = {}
    outputs: ClassVar[Mapping[str, Any]] = {}
    refusals: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    parameters: ClassVar[Mapping[str, list[OpenApiParameter]]] = {}
    bodies_left_out: ClassVar[tuple[str, ...]] = ()
    allows: ClassVar[Mapping[str, str | Rule]] = {}


class APIView(Described, views.APIView):
    """Any resource: JSON in and out, and 405 before anybody is asked who they are."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJSON
    metadata_class = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = str(request.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise exceptions.MethodNotAllowed(method)
        super().initial(request, *args, **kwargs)


class ViewSet(APIView, viewsets.GenericViewSet[Any]):
    """A resource made of rows.

    A subclass names ``queryset`` (with what its serializer needs prefetched), ``permissions``, ``serializer_class`` for
    output, ``filterset_class``, what :class:`Described` asks for, and mixes in DRF's List- and RetrieveModelMixin where
    it has those methods. A row that the caller may not view does not exist: ``not_found``.
    """

    permissions: ClassVar[Permissions]
    filterset_class: ClassVar[type[FilterSet]] = NoFilters
    list_action: ClassVar[str] = "view"
    not_found: ClassVar[str] = NotFound.title
    lookup_value_converter = "int"
    filter_backends = [FilterBackend]
    pagination_class = Pagination

    def get_queryset(self) -> QuerySet[Any]:
        action = self.list_action if self.action == "list" else "view"
        return self.permissions.allowed(self.request.user, action, super().get_queryset())

    @property
    def caller(self) -> Any:
        """Who asks: a user, since nobody else gets this far."""
        return self.request.user

    def get_object(self) -> Any:
        try:
            return self.get_queryset().get(pk=self.kwargs[self.lookup_field])
        except ObjectDoesNotExist as error:
            raise NotFound(self.not_found) from error

    def validated(self, **changes: Any) -> dict[str, Any]:
        """The body, through the action's input serializer; ``changes`` are arguments for it, ``partial=True`` say."""
        if self.request.headers.get("Content-Length", "0") in ("", "0"):
            raise exceptions.ParseError("There is no body.")
        context = self.get_serializer_context()
        serializer = self.inputs[self.action](data=self.request.data, context=context, **changes)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, row: Model, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """The row as the output serializer shows it."""
        return Response(self.get_serializer(row).data, status=status, headers=headers)

    def answer_list(self, rows: QuerySet[Any]) -> Response:
        """A list below a resource: by default of the same kind of rows, with the view's ``filterset_class``.

        For others, ``@action(detail=True, filterset_class=…, serializer_class=…)`` names both.
        """
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DestroyMixin:
    """``DELETE``: a row that does not exist is no error to whoever may delete (contract 11).

    A subclass names the verb, ``delete_row``, and in ``forbidden`` what it says to those who may not.
    """

    delete_row: ClassVar[Callable[..., None]]
    forbidden: ClassVar[str] = ""

    def destroy(self: Any, request: Request, pk: int) -> Response:
        """Delete it; one that does not exist is no error."""
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            self.permissions.require(self.caller, "delete", message=self.forbidden)
        else:
            self.delete_row(found, by=self.caller)
        return Response({"result": True})


class Router(routers.SimpleRouter):
    """No trailing slashes; ids are numbers, so that anything else is an unknown address."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)
