"""Pages of domains: which names are held, and which of them are sensitive."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from certificates import service
from certificates.filters import DomainFilter
from certificates.forms import DomainForm, NewDomainForm
from certificates.models import Domain
from certificates.permissions import domain_permissions
from web.lists import Listing
from web.views import act, get_or_404, person

ROWS = 50
ACTIONS = ("create", "change")


@login_required
@require_safe
@vary_on_headers("HX-Request")
def domain_list(request: HttpRequest) -> HttpResponse:
    """The names, narrowed as asked."""
    rows = domain_permissions.allowed(request.user, "view", Domain.objects.all())
    listing = Listing(DomainFilter, rows, request.GET, request=request, count=ROWS)
    can = {action for action in ACTIONS if domain_permissions.can(request.user, action)}
    template = "certificates/_domains.html" if request.htmx else "certificates/domains.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "can": can})


@login_required
def domain_new(request: HttpRequest) -> HttpResponse:
    """Make a name known before a certificate has it."""
    domain_permissions.require(request.user, "create", message=_("You are not authorized to create a domain."))
    return act(
        request,
        NewDomainForm(request.POST or None),
        partial(service.create_domain, by=person(request)),
        done=_("The domain is known now."),
        template="certificates/domain_new.html",
        to="domains:list",
    )


@login_required
@require_POST
def domain_mark(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark it as sensitive, or not any more."""
    domain: Domain = get_or_404(request, domain_permissions, pk=pk)
    form = DomainForm(request.POST)
    form.full_clean()
    service.mark_domain(domain.pk, sensitive=form.cleaned_data["sensitive"], by=person(request))
    messages.success(request, _("%(domain)s is marked.") % {"domain": domain})
    return redirect(f"/domains/?q={domain.name}")
