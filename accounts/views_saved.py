"""Views of lists that a person keeps: two buttons on the lists themselves."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import permissions, service
from core.errors import Invalid
from web.views import get_or_404, person


class ViewForm(forms.Form):
    """Its name, and the list as it is shown."""

    name = forms.CharField()
    page = forms.CharField()
    query = forms.CharField(required=False)


@login_required
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the list as it is, and go on looking at it."""
    form = ViewForm(request.POST)
    if not form.is_valid():
        raise Invalid.field("name", _("Give the view a name."))
    view = service.save_view(**form.cleaned_data, by=person(request))
    messages.success(request, _("Saved as “%(name)s”. You find it above the list.") % {"name": view.name})
    return redirect(view)


@login_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep it no longer."""
    view = get_or_404(request, permissions.saved_views, pk=pk)
    service.remove_view(view, by=person(request))
    messages.success(request, _("The view “%(name)s” was removed.") % {"name": view.name})
    return redirect(view.page)
