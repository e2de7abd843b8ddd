"""One's own account: name, roles, password, API keys."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import permissions, service
from accounts.forms import KeyForm
from accounts.forms_login import OwnPasswordForm
from accounts.models import ApiKey
from core.errors import Conflict, Invalid
from web.rest.idempotency import once
from web.views import add_errors, get_or_404, person


class PasswordChangeView(views.PasswordChangeView):
    """Changing one's own password, through the service: other sessions and all tokens end with it."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("overview")

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.user
        service.change_password(user, form.cleaned_data["new_password1"], by=user)
        update_session_auth_hash(self.request, user)
        messages.success(self.request, _("The password was changed. Your other sessions and your tokens have ended."))
        return redirect(str(self.success_url))


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """The person's own account: name, roles, API keys."""
    user = person(request)
    keys = permissions.api_keys.allowed(user, "view").filter(user=user, kind=ApiKey.Kind.KEY)
    context = {
        "roles": user.roles.all(),
        "keys": keys,
        "now_used": user.api_keys.filter(kind=ApiKey.Kind.LOGIN, revoked=False).count(),
        "can": {"make_token"} if permissions.users.can(user, "make_token", user) else set(),
    }
    return render(request, "accounts/account.html", context)


@login_required
def new_key(request: HttpRequest) -> HttpResponse:
    """Make an API key for oneself; its token is on the page that answers, and nowhere else."""
    user = person(request)
    permissions.users.require(user, "make_token", user, message=_("You may only read, so you cannot make API keys."))
    service.require_recent_proof()
    form, status = KeyForm(request.POST or None), 200
    if form.is_bound:
        status = Invalid.status
        if form.is_valid():
            try:
                with once(request):
                    key, token = service.create_api_key(user=user, by=user, **form.cleaned_data)
            except (Invalid, Conflict) as error:
                status = add_errors(form, error)
            else:
                return render(request, "accounts/key_made.html", {"key": key, "token": token})
    return render(request, "accounts/key_new.html", {"form": form}, status=status)


@login_required
@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke an API key: one's own, or as an administrator anybody's."""
    key: ApiKey = get_or_404(request, permissions.api_keys, ApiKey.objects.select_related("user"), pk=pk)
    service.revoke_api_key(key, by=person(request))
    messages.success(request, _("The API key %(name)s was revoked.") % {"name": key.name})
    return redirect("account") if key.user == person(request) else redirect(key.user)
