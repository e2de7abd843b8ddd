"""What the kernel shows over HTTP: which plugins exist, and whether this installation is alive and ready."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotFound, Unavailable
from core.secrets import verify_keys
from plugins import PluginUnavailable, describe, registry
from plugins.registry import Entry
from web.rest.connectors import PluginOption
from web.rest.schema_filters import TEXT
from web.rest.serializers import Serializer
from web.rest.views import APIView


class PluginOutput(Serializer):
    """A plugin and its options, in Lemur's form."""

    slug = drf.CharField()
    type = drf.CharField()
    title = drf.CharField()
    description = drf.CharField()
    plugin_options = PluginOption(many=True)
    unavailable = drf.CharField(allow_null=True, help_text="Why it cannot be used here; null if it can.")


class PluginPage(Serializer):
    """A list of plugins."""

    items = PluginOutput(many=True)
    total = drf.IntegerField()


class Plugins(APIView):
    """Which plugins exist."""

    outputs: ClassVar = {"get": PluginPage}
    refusals: ClassVar = {"get": ("404",)}
    parameters: ClassVar = {
        "get": [OpenApiParameter("type", TEXT, description="Those of one kind; 404 if there are none")]
    }

    def get(self, request: Request) -> Response:
        """All plugins, or those of one type."""
        kind = request.query_params.get("type")
        found = [_describe(entry) for entry in registry.entries.values() if kind in (None, "", entry.kind)]
        if not found:
            raise NotFound
        return Response({"items": found, "total": len(found)})


class OnePlugin(APIView):
    """One plugin."""

    outputs: ClassVar = {"get": PluginOutput}

    def get(self, request: Request, slug: str) -> Response:
        """By its slug."""
        entry = registry.entries.get(slug)
        if entry is None:
            raise NotFound
        return Response(_describe(entry))


def _describe(entry: Entry) -> dict[str, Any]:
    try:
        plugin, problem = entry.load(), None
    except PluginUnavailable as error:
        plugin, problem = None, str(error)
    return {
        "slug": entry.slug,
        "type": entry.kind,
        "title": plugin.title if plugin else entry.slug,
        "description": plugin.description if plugin else "",
        "pluginOptions": describe(plugin.Options) if plugin else [],
        "unavailable": problem,
    }


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def healthcheck(request: HttpRequest) -> HttpResponse:
    """Lemur's health check: the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("db check failed", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: the database answers, and the key-encryption keys open what it holds."""
    try:
        verify_keys()
    except DatabaseError:
        return HttpResponse("The database does not answer.", status=503, content_type="text/plain")
    except Unavailable as error:
        return HttpResponse(error.message, status=503, content_type="text/plain")
    return HttpResponse("ready", content_type="text/plain")
