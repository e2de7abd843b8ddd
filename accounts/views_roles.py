"""Pages of roles: the list, one of them, its members, the log-in they share."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import service
from accounts.filters import RoleFilter
from accounts.forms import MembersForm, RoleEditForm, RoleForm
from accounts.models import Role
from accounts.permissions import audit_log
from accounts.permissions import roles as permissions
from core.audit import HISTORY, about
from web.lists import Listing
from web.views import act, get_or_404, person

ROWS = 25
NO_MEMBER = "You are not allowed to view a role which you are not a member of."


@login_required
@require_safe
@vary_on_headers("HX-Request")
def roles(request: HttpRequest) -> HttpResponse:
    """All roles; those that the person holds lead to their page."""
    rows = permissions.allowed(request.user, "view", Role.objects.annotate(members=Count("users")))
    listing = Listing(RoleFilter, rows, request.GET, request=request, count=ROWS)
    open_ones = Role.objects.filter(pk__in=[row.pk for row in listing.items])
    context = {
        "listing": listing,
        "open_roles": set(permissions.allowed(request.user, "show", open_ones).values_list("pk", flat=True)),
        "can": {"create"} if permissions.can(request.user, "create") else set(),
    }
    template = "accounts/_role_rows.html" if request.htmx else "accounts/roles.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One role, for its members and for administrators."""
    role = _role(request, pk)
    permissions.require(request.user, "show", role, message=NO_MEMBER)
    context = {
        "role": role,
        "members": role.users.order_by("username"),
        "authorities": role.authorities.all(),
        "entries": audit_log.allowed(request.user, "view", about(role))[:HISTORY],
        "can": permissions.actions(request.user, role),
    }
    return render(request, "accounts/role.html", context)


def _role(request: HttpRequest, pk: int) -> Role:
    found: Role = get_or_404(request, permissions, pk=pk)
    return found


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Add a role."""
    permissions.require(request.user, "create", message=_("Only an administrator may add roles."))
    return act(
        request,
        RoleForm(request.POST or None),
        partial(service.add_role, by=person(request)),
        done=_("The role was added."),
        template="accounts/role_form.html",
    )


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a role is called, what it may use, and the log-in its members share."""
    role = _role(request, pk)
    permissions.require(request.user, "change", role)
    return act(
        request,
        RoleEditForm(role, request.POST or None),
        partial(service.update_role, role, by=person(request)),
        done=_("Saved."),
        template="accounts/role_form.html",
        context={"role": _role(request, pk)},
        to=role,
    )


@login_required
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the role to people and take it from others."""
    role = _role(request, pk)
    permissions.require(request.user, "change", role)
    return act(
        request,
        MembersForm(role, request.POST or None),
        partial(service.set_members, role, by=person(request)),
        done=_("Saved."),
        template="accounts/role_members.html",
        context={"role": role},
        to=role,
    )


@login_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, and say what would be left without it."""
    role = _role(request, pk)
    permissions.require(request.user, "delete", role)
    return act(
        request,
        Form(request.POST or None),
        partial(service.delete_role, role, by=person(request)),
        done=_("The role was deleted."),
        template="accounts/role_delete.html",
        context={"role": role, "uses": service.uses_of(role)},
        to="roles",
    )


@login_required
def credentials(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then show the log-in that the members share; seeing its password is written down."""
    role = _role(request, pk)
    permissions.require(
        request.user, "reveal", role, message=_("You are not authorized to view the credentials for this role.")
    )
    service.require_recent_proof()
    shown = service.reveal_credentials(role, by=person(request)) if request.method == "POST" else None
    return render(request, "accounts/role_credentials.html", {"role": role, "shown": shown})
