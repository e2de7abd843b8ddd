"""The first page, what it says of shares, and the alarms that are open."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now as clock
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from authorities.models import Authority
from authorities.permissions import permissions as authority_permissions
from certificates import service
from certificates.listed import may, visible
from certificates.models import Certificate
from lifecycle.filters import AlarmFilter
from lifecycle.models import Alarm
from lifecycle.overview import SILENT, concerns, last_sign_of_work, timeline
from lifecycle.overview import shares as spread
from lifecycle.permissions import alarm_permissions
from web.lists import Listing
from web.views import person

RECENT = 10
ROWS = 25
LARGEST = 8
FEW = 5
"""Certificates, below which the page asks whether somebody has to be shown how to begin."""


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What a person should know first."""
    now, user = clock(), person(request)
    rows = visible(user)
    counts = service.phases(rows)
    context = {
        "counts": counts,
        "concerns": concerns(rows, among=counts["valid"] + counts["expiring"], now=now),
        "months": timeline(rows, now=now),
        "expiring": rows.current(now).unreplaced().order_by("not_after")[:RECENT],
        "entries": audit_log.allowed(user, "view")[:RECENT],
        "guide": _guide() if sum(counts.values()) < FEW else None,
        "can": may(user, "create", "upload") | ({"create"} if authority_permissions.can(user, "create") else set()),
        **_health(),
    }
    return render(request, "overview.html", context)


def _guide() -> dict[str, bool] | None:
    """What there is already of what one needs to begin; None once there is all of it."""
    authority, certificate = Authority.objects.exists(), Certificate.objects.filter(root_authority=None).exists()
    return None if authority and certificate else {"authority": authority, "certificate": certificate}


def _health() -> dict[str, Any]:
    seen = last_sign_of_work()
    return {"seen": seen, "silent": seen is None or clock() - seen > SILENT}


@login_required
@require_safe
@vary_on_headers("HX-Request")
def shares(request: HttpRequest) -> HttpResponse:
    """How many certificates there are by authority, kind of key, owner and destination; the largest of each."""
    template = "lifecycle/_shares.html" if request.htmx else "lifecycle/shares.html"  # type: ignore[attr-defined]
    return render(request, template, {"shares": spread(visible(person(request)), largest=LARGEST, now=clock())})


@login_required
@require_safe
@vary_on_headers("HX-Request")
def alarms(request: HttpRequest) -> HttpResponse:
    """What does not work; also what did not."""
    rows = alarm_permissions.allowed(request.user, "view", Alarm.objects.all())
    listing = Listing(AlarmFilter, rows, request.GET, request=request, count=ROWS)
    template = "lifecycle/_alarms.html" if request.htmx else "lifecycle/alarms.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing})
