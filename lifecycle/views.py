"""Pages of endpoints."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle.filters import EndpointFilter
from lifecycle.models import Endpoint
from lifecycle.permissions import endpoint_permissions
from web.lists import Listing

ROWS = 25


@login_required
@require_safe
@vary_on_headers("HX-Request")
def endpoint_list(request: HttpRequest) -> HttpResponse:
    """Where certificates are served, narrowed and ordered as asked."""
    rows = endpoint_permissions.allowed(request.user, "view", Endpoint.objects.select_related("source", "certificate"))
    listing = Listing(EndpointFilter, rows, request.GET, request=request, count=ROWS)
    template = "lifecycle/_endpoints.html" if request.htmx else "lifecycle/endpoints.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing})
