"""Lists of certificates: to look at, to take away as a file, and as one types into the search box of any page."""

from __future__ import annotations

from operator import attrgetter

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.timezone import now as clock
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from certificates.filters import CertificatePageFilter
from certificates.forms_batches import TITLES
from certificates.listed import may, visible
from certificates.permissions import permissions
from certificates.service.batches import VERBS
from web.lists import Listing
from web.tables import Columns, download
from web.views import person

ROWS = 25
FOUND = 8
SHORTEST = 3
"""Characters. Less finds nearly everything, or has to look at every row."""
COLUMNS: Columns = {
    "id": attrgetter("pk"),
    "name": attrgetter("name"),
    "common_name": attrgetter("cn"),
    "names": lambda row: row.domain_names.splitlines(),
    "state": attrgetter("phase"),
    "not_before": attrgetter("not_before"),
    "not_after": attrgetter("not_after"),
    "owner": attrgetter("owner"),
    "authority": lambda row: row.authority and row.authority.name,
    "issuer": attrgetter("issuer"),
    "serial": attrgetter("serial_hex"),
    "sha256": attrgetter("fingerprint"),
    "key_type": attrgetter("key_type"),
    "private_key_kept": attrgetter("has_private_key"),
    "rotation": attrgetter("rotation"),
    "notify": attrgetter("notify"),
    "description": attrgetter("description"),
    "tags": attrgetter("tag_names"),
}


@login_required
@require_safe
@vary_on_headers("HX-Request")
def certificate_list(request: HttpRequest) -> HttpResponse:
    """The certificates the person may see, narrowed and ordered as asked."""
    listing = Listing(CertificatePageFilter, visible(person(request)), request.GET, request=request, count=ROWS)
    template = "certificates/_rows.html" if request.htmx else "certificates/list.html"  # type: ignore[attr-defined]
    verbs = [(name, title) for name, title in TITLES.items() if permissions.can(request.user, VERBS[name].action)]
    context = {"listing": listing, "can": may(person(request), "create", "upload"), "verbs": verbs}
    return render(request, template, context)


@login_required
@require_safe
def download_list(request: HttpRequest, form: str) -> HttpResponseBase:
    """All of the same list, as CSV or JSON."""
    rows = visible(person(request)).defer(None).defer("body", "chain", "csr")
    listing = Listing(CertificatePageFilter, rows, request.GET, request=request, form=False)
    return download(f"certificates-{clock():%Y-%m-%d}", form, COLUMNS, listing.stream())


@login_required
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """The first few that match what stands in the search box of any page, for htmx to show below it."""
    asked = request.GET.copy()
    text = asked.get("q", "").strip()
    asked["total"] = "none"
    listing = Listing(CertificatePageFilter, visible(person(request)), asked, request=request, form=False, count=FOUND)
    found = listing.items if len(text) >= SHORTEST else None
    return render(request, "certificates/_found.html", {"found": found, "listing": listing, "q": text})
