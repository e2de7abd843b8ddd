"""Lists that are answered whole, however long: written in parts, so that memory never holds more than one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

PART = 200  # rows

Rows = QuerySet[Any]
Show = Callable[[list[Any]], list[Any]]


def answer_whole(rows: Rows, show: Show) -> Response | StreamingHttpResponse:
    """``{"items": […], "total": n}`` with all these rows, newest first. ``show`` puts some of them in words.

    The first part is read before anything is sent, so that what is wrong with the question is an error like any other;
    and if there is no more than that, the answer is like any other, too.
    """
    parts = _parts(rows)
    first = next(parts, [])
    if len(first) < PART:
        return Response({"items": show(first), "total": len(first)})
    return StreamingHttpResponse(_written(chain([first], parts), show), content_type="application/json")


def _parts(rows: Rows) -> Iterator[list[Any]]:
    """By key, so that what is added meanwhile shifts nothing."""
    rows = rows.order_by("-pk")
    part = list(rows[:PART])
    while part:
        yield part
        part = list(rows.filter(pk__lt=part[-1].pk)[:PART])


def _written(parts: Iterator[list[Any]], show: Show) -> Iterator[bytes]:
    total = 0
    yield b'{"items":['
    for part in parts:
        within_brackets = JSONRenderer().render(show(part))[1:-1]
        yield b"," + within_brackets if total else within_brackets
        total += len(part)
    yield b'],"total":%d}' % total
