"""Pages of what sources brought in: how far they are looked into, and deciding about what was found."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle import discovery, triage
from lifecycle.filters import FindingFilter
from lifecycle.models import Finding, Sync
from lifecycle.permissions import finding_permissions, sync_permissions
from stores.models import Source
from stores.permissions import source_permissions
from web.lists import Listing
from web.views import act, carry_out, get_or_404, person

ROWS = 25
ASK_AGAIN = "3"  # seconds, as the header has it
FOUND = "lifecycle:found"


class AssignForm(forms.Form):
    """Whose it is."""

    owner = forms.EmailField(label=_("Owner"), max_length=128)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def finding_list(request: HttpRequest) -> HttpResponse:
    """What was found, first what nobody has decided about; and the sources, while they are looked into."""
    rows = finding_permissions.allowed(request.user, "view", Finding.objects.select_related("certificate", "source"))
    shown = rows if request.GET.get("state") else rows.filter(state=Finding.State.NEW, certificate__isnull=False)
    listing = Listing(FindingFilter, shown, request.GET, request=request, count=ROWS)
    mine = finding_permissions.allowed(
        request.user, "decide", Finding.objects.filter(pk__in=[r.pk for r in listing.items])
    )
    syncs = sync_permissions.allowed(
        request.user, "view", Sync.objects.select_related("source").order_by("source__label")
    )
    context = {"listing": listing, "syncs": syncs, "decide": set(mine.values_list("pk", flat=True))}
    context["change"] = source_permissions.can(request.user, "change")
    template = "lifecycle/_found.html" if request.htmx else "lifecycle/found.html"  # type: ignore[attr-defined]
    answer = render(request, template, context)
    if any(one.state == Sync.State.WAITING for one in syncs):
        answer["Refresh"] = ASK_AGAIN
    return answer


def _finding(request: HttpRequest, pk: int) -> Finding:
    rows = Finding.objects.select_related("certificate", "source")
    found: Finding = get_or_404(request, finding_permissions, rows, pk=pk)
    return found


@login_required
@require_POST
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """It is mine."""
    return carry_out(request, triage.claim, _finding(request, pk), _("It is yours now."), to=FOUND)


@login_required
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """It is somebody else's."""
    finding = _finding(request, pk)
    finding_permissions.require(request.user, "decide", finding, message=_(triage.FORBIDDEN))
    return act(
        request,
        AssignForm(request.POST or None),
        partial(triage.assign, finding, by=person(request)),
        done=_("It has an owner now."),
        template="lifecycle/assign.html",
        context={"finding": finding},
        to=FOUND,
    )


@login_required
@require_POST
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """It does not matter."""
    return carry_out(request, triage.dismiss, _finding(request, pk), _("It is not asked about again."), to=FOUND)


@login_required
@require_POST
def sync(request: HttpRequest, pk: int) -> HttpResponse:
    """Look into this source now."""
    source = get_or_404(request, source_permissions, Source.objects.all(), pk=pk)
    return carry_out(request, discovery.ask_to_sync, source, _("It is looked into; this page says how far."), to=FOUND)


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop looking into it."""
    row = get_or_404(request, sync_permissions, Sync.objects.select_related("source"), pk=pk)
    return carry_out(request, discovery.cancel, row, _("It stops in a moment."), to=FOUND)
