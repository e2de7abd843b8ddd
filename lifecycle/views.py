"""Pages of endpoints, and of what becomes of them when their certificates are renewed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle import budgets, undoing
from lifecycle.filters import EndpointFilter, RotationFilter
from lifecycle.models import Brake, Endpoint, EndpointRotation
from lifecycle.permissions import brake_permissions, endpoint_permissions, rotation_permissions
from web.lists import Listing
from web.views import carry_out, get_or_404

ROWS = 25
ROTATIONS = "lifecycle:rotations"


@login_required
@require_safe
@vary_on_headers("HX-Request")
def endpoint_list(request: HttpRequest) -> HttpResponse:
    """Where certificates are served, narrowed and ordered as asked."""
    rows = endpoint_permissions.allowed(request.user, "view", Endpoint.objects.select_related("source", "certificate"))
    listing = Listing(EndpointFilter, rows, request.GET, request=request, count=ROWS)
    template = "lifecycle/_endpoints.html" if request.htmx else "lifecycle/endpoints.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing})


@login_required
@require_safe
@vary_on_headers("HX-Request")
def rotation_list(request: HttpRequest) -> HttpResponse:
    """Which endpoints shall serve another certificate; and whether renewals are held."""
    rows = EndpointRotation.objects.select_related("endpoint", "certificate", "replaces")
    visible = rotation_permissions.allowed(request.user, "view", rows)
    listing = Listing(RotationFilter, visible, request.GET, request=request, count=ROWS)
    brake = brake_permissions.allowed(request.user, "view").filter(open=True).first()
    template = "lifecycle/_rotations.html" if request.htmx else "lifecycle/rotations.html"  # type: ignore[attr-defined]
    context = {"listing": listing, "brake": brake, "can": _can(request, listing.items, brake)}
    return render(request, template, context)


def _can(request: HttpRequest, rows: Any, brake: Brake | None) -> dict[str, set[int]]:
    """The ids of the rows that the person may roll back, and of the brake that they may release."""
    shown = EndpointRotation.objects.filter(pk__in=[row.pk for row in rows])
    mine = rotation_permissions.allowed(request.user, "roll_back", shown)
    released = brake is not None and brake_permissions.can(request.user, "release", brake)
    return {"roll_back": set(mine.values_list("pk", flat=True)), "release": {brake.pk} if brake and released else set()}


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Look again."""
    return carry_out(request, undoing.retry, _rotation(request, pk), _("It is looked at again."), to=ROTATIONS)


@login_required
@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the certificate before."""
    return carry_out(
        request,
        undoing.roll_back,
        _rotation(request, pk),
        _("The certificate before is in its place again."),
        to=ROTATIONS,
    )


@login_required
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Nothing is held for a day."""
    brake = get_or_404(request, brake_permissions, pk=pk)
    return carry_out(request, budgets.release, brake, _("For a day, whatever is due is renewed."), to=ROTATIONS)


def _rotation(request: HttpRequest, pk: int) -> EndpointRotation:
    rows = EndpointRotation.objects.select_related("endpoint__source", "certificate", "replaces")
    found: EndpointRotation = get_or_404(request, rotation_permissions, rows, pk=pk)
    return found
