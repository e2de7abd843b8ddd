"""The pages on the way in: password, code, identity provider; and confirming later that it is still you."""

from __future__ import annotations

import time
from typing import Any

from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import service, signing_in
from accounts.forms_login import CodeForm, ConfirmForm
from accounts.provider import PROBLEMS, Conversation
from accounts.service.logging_in import SECOND_FACTOR
from core.audit import acting
from core.errors import DomainError, Forbidden, NotFound
from web.views import person


class LoginForm(AuthenticationForm):
    """Django's form, asking our service."""

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            try:
                self.user_cache = service.check_password(username, password, address=acting().address)
            except DomainError as error:
                raise forms.ValidationError(error.message) from error
        return self.cleaned_data


class LoginView(views.LoginView):
    """The log-in page."""

    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        return signing_in.after_password(self.request, form.get_user(), to=self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the name of the identity provider, if there is one, and whether it is the usual way."""
        offered = {"provider": settings.OIDC_ISSUER and settings.OIDC_NAME, "few": bool(settings.LOCAL_LOGIN_USERS)}
        return super().get_context_data(**kwargs, **offered)


@never_cache
def code(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or a recovery code."""
    user = signing_in.pending(request)
    if user is None:
        return redirect("login")
    form = CodeForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            service.check_code(user, form.cleaned_data["code"], address=acting().address)
        except DomainError as error:
            form.add_error("code", error.message)
        else:
            return signing_in.enter(request, user, how=SECOND_FACTOR)
    return render(request, "registration/code.html", {"form": form})


@require_safe
def provider(request: HttpRequest) -> HttpResponse:
    """To the identity provider; with ``again`` it must ask anew who sits there."""
    if not settings.OIDC_ISSUER:
        raise NotFound
    to = signing_in.safe(request, request.GET.get("next"))
    again = request.user.is_authenticated and "again" in request.GET
    try:
        answer: HttpResponse = (
            Conversation(request)
            .get_provider()
            .redirect(
                request,
                AuthProcess.LOGIN,
                next_url=to,
                data={"since": time.time()} if again else None,
                auth_params={"prompt": "login", "max_age": "0"} if again else {},
            )
        )
    except PROBLEMS as problem:
        return signing_in.not_by_provider(request, problem=problem)
    return answer


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Back from there: the library takes state and code, `accounts.provider` judges what comes of them."""
    if not settings.OIDC_ISSUER:
        raise NotFound
    if request.GET.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:  # RFC 9207
        return signing_in.not_by_provider(request, problem=OAuth2Error("the answer is of another issuer"))
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(Conversation(request))(request)
    except PROBLEMS as problem:
        return signing_in.not_by_provider(request, problem=problem)
    return answer


@login_required
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """Before a secret is shown: is it still you?"""
    user, to = person(request), signing_in.safe(request, request.GET.get("next"))
    local = user.logs_in_locally
    form = ConfirmForm(service.has_second_factor(user), request.POST or None)
    if local and form.is_bound and form.is_valid():
        try:
            how = service.confirm(user, form.cleaned_data["typed"], address=acting().address)
        except DomainError as error:
            form.add_error("typed", error.message)
        else:
            signing_in.prove(request, how)
            return redirect(to or settings.LOGIN_REDIRECT_URL)
    context = {"form": form if local else None, "next": to, "minutes": settings.STEP_UP_MINUTES}
    if service.is_connected(user):
        context["provider"] = settings.OIDC_NAME
    return render(request, "registration/confirm.html", context)


@require_safe
def admin_login(request: HttpRequest) -> HttpResponse:
    """In the place of the admin's own page, which knows no second factor."""
    if not request.user.is_authenticated:
        return redirect_to_login(signing_in.safe(request, request.GET.get("next")) or reverse("admin:index"))
    if admin.site.has_permission(request):
        return redirect("admin:index")
    raise Forbidden(_("Only people who are marked as staff may enter the administration."))
