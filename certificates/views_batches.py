"""Doing the same to many certificates of a list: first the numbers, then the deed, then how far it has come."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from certificates import service
from certificates.filters import BatchFilter, CertificatePageFilter
from certificates.forms_batches import FORMS, TITLES, VerbForm
from certificates.listed import visible
from certificates.models import Batch, CertificateQuerySet
from certificates.permissions import batch_permissions, permissions
from certificates.service.batches import MOST, VERBS, within_rights
from core.errors import Invalid
from core.forms import MOST_DIGITS
from web.lists import Listing
from web.rest.idempotency import once
from web.views import add_errors, carry_out, get_or_404, person

SHOWN = 100
ROWS = 25


@login_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """What is asked before many certificates are changed; sent again with the answers, it begins."""
    verb = request.POST.get("verb", "")
    if verb not in FORMS:
        raise Invalid.field("verb", _("Choose what shall be done."))
    permissions.require(request.user, VERBS[verb].action)
    chosen = _chosen(request)
    answered = "confirmed" in request.POST
    form = FORMS[verb](request.POST if answered else None)
    number = within_rights(verb, chosen, by=person(request)).count()
    if answered and form.is_valid() and request.POST["confirmed"] == str(number):
        try:
            with once(request):
                return redirect(service.begin_batch(verb, chosen, given=form.given, by=person(request)))
        except Invalid as error:
            add_errors(form, error)
    return _question(request, verb, form, chosen=chosen.count(), number=number)


def _question(request: HttpRequest, verb: str, form: VerbForm, *, chosen: int, number: int) -> HttpResponse:
    asked_before = request.POST.get("confirmed")
    context = {
        "verb": verb,
        "title": TITLES[verb],
        "form": form,
        "number": number,
        "left_out": chosen - number,
        "changed": asked_before is not None and asked_before != str(number),
        "too_many": MOST if number > MOST else None,
        "ids": request.POST.getlist("id"),
        "query": request.POST.get("query", ""),
        "all": request.POST.get("all", ""),
    }
    return render(request, "certificates/batch_new.html", context, status=400 if form.errors else 200)


def _chosen(request: HttpRequest) -> CertificateQuerySet:
    """All that the list was narrowed to, or those that were ticked. Raises Invalid if that is none."""
    rows = visible(person(request))
    if request.POST.get("all"):
        asked = QueryDict(request.POST.get("query", ""))
        return Listing(CertificatePageFilter, rows, asked, request=request, form=False).rows  # type: ignore[return-value]
    ids = [int(pk) for pk in request.POST.getlist("id") if pk.isdecimal() and len(pk) <= MOST_DIGITS]
    if not ids:
        raise Invalid(_("Tick the certificates first, or choose all that match."))
    return rows.filter(pk__in=ids)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def batches(request: HttpRequest) -> HttpResponse:
    """What people have begun, the newest first."""
    rows = batch_permissions.allowed(request.user, "view", Batch.objects.select_related("by"))
    listing = Listing(BatchFilter, rows, request.GET, request=request, count=ROWS)
    Batch.count_for(listing.items)
    template = "certificates/_batches.html" if request.htmx else "certificates/batches.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "titles": TITLES})


@login_required
@require_safe
@vary_on_headers("HX-Request")
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """How far one has come, and with which certificates it failed."""
    found: Batch = get_or_404(request, batch_permissions, Batch.objects.select_related("by"), pk=pk)
    counts = found.counts
    context: dict[str, Any] = {
        "batch": found,
        "title": TITLES[found.verb],
        "counts": counts,
        "tried": counts["total"] - counts["waiting"],
        "failed": found.items.filter(state="failed").select_related("certificate")[:SHOWN],
        "working": found.state == Batch.State.WAITING,
        "can": batch_permissions.actions(request.user, found),
        "said": _said(counts),
    }
    template = "certificates/_batch.html" if request.htmx else "certificates/batch.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _said(counts: dict[str, int]) -> str:
    words = ngettext("%(done)d of %(total)d certificate", "%(done)d of %(total)d certificates", counts["total"])
    return words % counts


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop it."""
    found = get_or_404(request, batch_permissions, pk=pk)
    return carry_out(request, service.cancel_batch, found, _("It stops in a moment."), to=found.get_absolute_url())


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try again where it failed."""
    found = get_or_404(request, batch_permissions, pk=pk)
    return carry_out(request, service.retry_batch, found, _("It is tried again."), to=found.get_absolute_url())
