"""Importing many certificates at once: first what was found, then what became of each."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from certificates import service
from certificates.forms_importing import ImportManyForm
from certificates.permissions import permissions
from web.rest.idempotency import once
from web.views import person


@login_required
@require_POST
@vary_on_headers("HX-Request")
def many(request: HttpRequest) -> HttpResponse:
    """What there is in all that was brought; with ``confirmed``, what became of those rows of it that were ticked.

    Nothing is kept between the two: the browser sends everything again, so that no key lies about meanwhile.
    """
    permissions.require(request.user, "upload", message=_("You are not authorized to upload a certificate."))
    form = ImportManyForm(request.POST, request.FILES)
    context: dict[str, Any] = {"form": form, "now": clock(), "partial": bool(request.htmx)}  # type: ignore[attr-defined]
    if form.is_valid():
        seen = service.look_through(form.brought, form.cleaned_data["passphrase"], by=person(request), **form.shared)
        ticked = [row for row in seen.rows if row.fingerprint in request.POST.getlist("row")]
        confirmed = "confirmed" in request.POST
        context |= {"seen": seen, "ticked": {row.fingerprint for row in ticked}, "again": confirmed}
        if confirmed and ticked:
            each = partial(once, request)
            context["outcomes"] = service.import_many(ticked, by=person(request), once=each, **form.shared)
    template = "certificates/_import_many.html" if context["partial"] else "certificates/import.html"
    return render(request, template, context, status=400 if form.errors and not context["partial"] else 200)
