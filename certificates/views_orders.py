"""Pages of renewing, and of orders that did not become a certificate by themselves."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from certificates import service
from certificates.filters import OrderFilter
from certificates.forms import OrderCancelForm, OrderUploadForm, ReissueForm
from certificates.models import Certificate, Order
from certificates.permissions import order_permissions, permissions
from certificates.service.orders import has_key
from certificates.service.reissue import get_certificate_primitives, open_order, renewing_authority
from core.audit import HISTORY, about
from core.errors import DomainError, Invalid, Precondition
from web.lists import Listing
from web.rest.idempotency import once
from web.views import act, get_or_404, person

ROWS = 25
OPEN = (Order.State.WAITING, Order.State.UNKNOWN)


@login_required
def reissue(request: HttpRequest, pk: int) -> HttpResponse:
    """The same certificate again: says first what will be made."""
    rows = Certificate.objects.present().select_related("authority", "rotation_policy", "dns_provider")
    certificate: Certificate = get_or_404(request, permissions, rows, pk=pk)
    permissions.require(request.user, "reissue", certificate)
    return act(
        request,
        ReissueForm(request.POST if request.method == "POST" else None),
        partial(service.reissue_certificate, certificate, user=person(request)),
        done=made,
        template="certificates/reissue.html",
        context={"certificate": certificate, "order": open_order(certificate), **_preview(certificate)},
    )


def _preview(certificate: Certificate) -> dict[str, Any]:
    """What the new one will be like, or why there can be none."""
    try:
        return {"wanted": get_certificate_primitives(certificate, authority=renewing_authority(certificate))}
    except (Invalid, Precondition) as error:
        return {"problem": str(error).removeprefix(Invalid.title).strip()}


def made(result: Certificate | Order) -> str:
    """What to say of an order that was placed or taken up."""
    if isinstance(result, Certificate):
        return _("The certificate was issued.")
    return _("The authority is at work; the certificate appears once it has answered.")


@login_required
@require_safe
@vary_on_headers("HX-Request")
def order_list(request: HttpRequest) -> HttpResponse:
    """Orders: those that are open, unless a state is asked for."""
    rows = order_permissions.allowed(
        request.user, "view", Order.objects.select_related("authority", "by", "certificate")
    )
    shown = rows if request.GET.get("state") else rows.filter(state__in=OPEN)
    listing = Listing(OrderFilter, shown, request.GET, request=request, count=ROWS)
    template = "certificates/_orders.html" if request.htmx else "certificates/orders.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing})


@login_required
@require_safe
def order_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One order: where it stands, and what a person can do."""
    return render(request, "certificates/pending.html", _context(request, _order(request, pk)))


def _order(request: HttpRequest, pk: int) -> Order:
    rows = Order.objects.select_related("authority", "by", "certificate", "reissues")
    found: Order = get_or_404(request, order_permissions, rows, pk=pk)
    return found


def _context(request: HttpRequest, order: Order) -> dict[str, Any]:
    return {
        "order": order,
        "open": order.state in OPEN,
        "has_key": has_key(order),
        "can": order_permissions.actions(request.user, order),
        "form": OrderUploadForm(),
        "cancel_form": OrderCancelForm(),
        "entries": audit_log.allowed(request.user, "view", about(order))[:HISTORY],
    }


@login_required
@require_POST
def order_upload(request: HttpRequest, pk: int) -> HttpResponse:
    """It was issued: here it is."""
    order = _order(request, pk)
    order_permissions.require(request.user, "change", order)
    return act(
        request,
        OrderUploadForm(request.POST),
        partial(service.fulfil_by_hand, order, by=person(request)),
        done=_("The certificate is recorded."),
        template="certificates/pending.html",
        context=_context(request, order),
    )


@login_required
@require_POST
def order_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """It was not issued: ask again."""
    order = _order(request, pk)
    order_permissions.require(request.user, "change", order)
    try:
        with once(request):
            result = service.retry_order(order, by=person(request))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(order)
    messages.success(request, made(result))
    return redirect(result)


@login_required
@require_POST
def order_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """It is not wanted any more."""
    order = _order(request, pk)
    order_permissions.require(request.user, "cancel", order)
    form = OrderCancelForm(request.POST)
    try:
        note = form.cleaned_data.get("note", "") if form.is_valid() else ""
        service.cancel_order(order, note=note, by=person(request))
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The order is given up."))
    return redirect(order)
