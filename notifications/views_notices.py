"""Pages of notices: what was told to whom, and what people answer to it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from core.errors import DomainError, Forbidden
from notifications import service
from notifications.filters import NoticeFilter
from notifications.models import Notice
from notifications.permissions import notice_permissions
from notifications.service.answers import LONGEST_DAYS
from web.lists import Listing
from web.views import came_from, get_or_404, person

ROWS = 25
USUAL_DAYS = 7


class SnoozeForm(forms.Form):
    """For how long."""

    days = forms.IntegerField(min_value=1, max_value=LONGEST_DAYS, initial=USUAL_DAYS)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def notice_list(request: HttpRequest) -> HttpResponse:
    """All notices, narrowed and ordered as asked; the newest first."""
    rows = notice_permissions.allowed(request.user, "view", Notice.objects.select_related("acknowledged_by"))
    listing = Listing(NoticeFilter, rows, request.GET, request=request, count=ROWS)
    template = "notices/_rows.html" if request.htmx else "notices/list.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "answerable": answerable(request, listing.items)})


def answerable(request: HttpRequest, notices: Any) -> set[int]:
    """The ids of those of these that this person may answer."""
    shown = Notice.objects.filter(pk__in=[one.pk for one in notices])
    return set(notice_permissions.allowed(request.user, "answer", shown).values_list("pk", flat=True))


@login_required
@require_POST
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody knows of it."""
    notice = _notice(request, pk)
    service.acknowledge(notice, by=person(request))
    messages.success(request, _("Acknowledged."))
    return redirect(came_from(request, "notices:list"))


@login_required
@require_POST
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    """It can wait."""
    notice, form = _notice(request, pk), SnoozeForm(request.POST)
    days = form.cleaned_data["days"] if form.is_valid() else 0
    try:
        made = service.snooze(notice, days=days, by=person(request))
    except Forbidden:
        raise
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Nobody hears of it until %(day)s.") % {"day": f"{made.until:%Y-%m-%d}"})
    return redirect(came_from(request, "notices:list"))


def _notice(request: HttpRequest, pk: int) -> Notice:
    found: Notice = get_or_404(request, notice_permissions, pk=pk)
    return found
