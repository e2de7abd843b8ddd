"""Pages of people: the list, one of them, a new one, changes."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import service
from accounts.filters import UserFilter
from accounts.forms import PersonEditForm, PersonForm
from accounts.models import ApiKey, User
from accounts.permissions import api_keys, audit_log, roles, users
from core.audit import HISTORY, about
from web.lists import Listing
from web.views import act, get_or_404, person

ROWS = 25


@login_required
@require_safe
@vary_on_headers("HX-Request")
def people(request: HttpRequest) -> HttpResponse:
    """Everybody who has an account here."""
    rows = users.allowed(request.user, "view", User.objects.prefetch_related("roles"))
    listing = Listing(UserFilter, rows, request.GET, request=request, count=ROWS)
    template = "accounts/_people_rows.html" if request.htmx else "accounts/people.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "can": _may_create(request)})


def _may_create(request: HttpRequest) -> set[str]:
    return {"create"} if users.can(request.user, "create") else set()


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: what they may, and what happened to the account."""
    shown = _person(request, pk)
    keys = ApiKey.objects.filter(user=shown, kind=ApiKey.Kind.KEY)
    can = users.actions(request.user, shown)
    context = {
        "shown": shown,
        "roles": shown.roles.all(),
        "open_roles": set(roles.allowed(request.user, "show", shown.roles.all())),
        "keys": api_keys.allowed(request.user, "view", keys),
        "entries": audit_log.allowed(request.user, "view", about(shown))[:HISTORY],
        "can": can,
        "has_second_factor": "change" in can and service.has_second_factor(shown),
    }
    return render(request, "accounts/person.html", context)


def _person(request: HttpRequest, pk: int) -> User:
    found: User = get_or_404(request, users, pk=pk)
    return found


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Add a person."""
    users.require(request.user, "create", message=_("Only an administrator may add people."))
    return act(
        request,
        PersonForm(request.POST or None),
        partial(service.create_user, by=person(request)),
        done=_("The person was added."),
        template="accounts/person_new.html",
    )


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a person, switch them off, give and take roles."""
    shown = _person(request, pk)
    users.require(request.user, "change", shown)
    names = ("username", "email", "is_active")
    initial: dict[str, Any] = {name: getattr(shown, name) for name in names} | {"roles": shown.roles.all()}
    return act(
        request,
        PersonEditForm(request.POST or None, initial=initial),
        partial(service.update_user, shown, by=person(request)),
        done=_("Saved."),
        template="accounts/person_edit.html",
        context={"shown": _person(request, pk)},
        to=shown,
    )
