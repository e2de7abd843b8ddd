"""The page of the audit log: everything that happened, newest first."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.filters import LogFilter
from accounts.permissions import audit_log
from core.models import AuditEntry
from web.lists import Listing

ROWS = 50
# Which page shows what an entry is about, by its type.
PAGES = {
    "accounts.user": "person",
    "accounts.role": "role",
    "authorities.authority": "authorities:detail",
    "certificates.certificate": "certificates:detail",
    "certificates.order": "certificates:pending",
    "notifications.notification": "notifications:detail",
    "stores.destination": "destinations:detail",
    "stores.source": "sources:detail",
}


@login_required
@require_safe
@vary_on_headers("HX-Request")
def audit(request: HttpRequest) -> HttpResponse:
    """The audit log, narrowed as asked."""
    listing = Listing(LogFilter, audit_log.allowed(request.user, "view"), request.GET, request=request, count=ROWS)
    for entry in listing.items:
        entry.page = _page(entry)
    template = "accounts/_audit_rows.html" if request.htmx else "accounts/audit.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing})


def _page(entry: AuditEntry) -> str:
    """The address of what it is about; "" if that has none."""
    name = PAGES.get(entry.target_type)
    return reverse(name, args=[entry.target_id]) if name else ""
