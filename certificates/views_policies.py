"""Pages of rotation policies."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from certificates import service
from certificates.forms_policies import PolicyForm
from certificates.models import RotationPolicy
from certificates.models.rotation import DEFAULT
from certificates.permissions import policy_permissions
from core.errors import Conflict
from web.views import act, get_or_404, person

LIST = "policies:list"


@login_required
@require_safe
def policy_list(request: HttpRequest) -> HttpResponse:
    """All policies, and how many certificates follow each."""
    rows = policy_permissions.allowed(request.user, "view").annotate(followers=Count("certificates"))
    can = {action for action in ("create", "change", "delete") if policy_permissions.can(request.user, action)}
    return render(request, "policies/list.html", {"policies": rows.order_by("name"), "default": DEFAULT, "can": can})


@login_required
def create(request: HttpRequest) -> HttpResponse:
    """A new policy."""
    policy_permissions.require(request.user, "create", message=_("You are not authorized to create rotation policies."))
    return act(
        request,
        PolicyForm(request.POST or None),
        partial(service.create_policy, by=person(request)),
        done=_("The rotation policy was created."),
        template="policies/edit.html",
        to=LIST,
    )


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name or other terms."""
    policy = _policy(request, pk)
    policy_permissions.require(request.user, "change", policy)
    return act(
        request,
        PolicyForm(request.POST or None, initial=model_to_dict(policy)),
        partial(service.update_policy, policy, by=person(request)),
        done=_("Saved."),
        template="policies/edit.html",
        context={"policy": policy, "is_default": policy.name == DEFAULT},
        to=LIST,
    )


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a policy that nothing follows."""
    try:
        service.delete_policy(_policy(request, pk), by=person(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The rotation policy was deleted."))
    return redirect(LIST)


def _policy(request: HttpRequest, pk: int) -> RotationPolicy:
    found: RotationPolicy = get_or_404(request, policy_permissions, pk=pk)
    return found
