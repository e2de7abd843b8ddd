"""The page of all jobs: what is under way, what did not work, and having it tried again."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from certificates.forms_batches import TITLES
from lifecycle.jobs import acting
from lifecycle.jobs.listing import JobListing
from web.rest.idempotency import once
from web.views import came_from, carry_out, person

ROWS = 25
JOBS = "lifecycle:jobs"


@login_required
@require_safe
@vary_on_headers("HX-Request")
def job_list(request: HttpRequest) -> HttpResponse:
    """Jobs of every kind, narrowed and ordered as asked; the page asks again by itself."""
    listing = JobListing(person(request), request.GET, request=request, count=ROWS)
    template = "lifecycle/_jobs.html" if request.htmx else "lifecycle/jobs.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "titles": TITLES})


@login_required
@require_POST
def retry(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Try it again now."""
    return _press(request, kind, pk, acting.retry, _("It is tried again now."))


@login_required
@require_POST
def stop(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Stop it."""
    return _press(request, kind, pk, acting.stop, _("It stops in a moment."))


def _press(request: HttpRequest, kind: str, pk: int, verb: Callable[..., object], said: str) -> HttpResponse:
    job = acting.find(kind, pk, by=person(request))
    with once(request):
        return carry_out(request, verb, job, said, to=came_from(request, JOBS))
