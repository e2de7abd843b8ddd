"""Logging in through the browser, with the same limits and the same audit as over the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy

from accounts import service
from core.audit import acting
from core.errors import DomainError


class LoginForm(AuthenticationForm):
    """Django's form, asking our service."""

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            try:
                self.user_cache = service.log_in(username, password, address=acting().address)
            except DomainError as error:
                raise forms.ValidationError(error.message) from error
        return self.cleaned_data


class PasswordChangeView(views.PasswordChangeView):
    """Changing one's own password, through the service: other sessions and all tokens end with it."""

    success_url = reverse_lazy("overview")

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.user
        service.change_password(user, form.cleaned_data["new_password1"], by=user)
        update_session_auth_hash(self.request, user)
        return redirect(str(self.success_url))


class LoginView(views.LoginView):
    """The log-in page."""

    authentication_form = LoginForm
    redirect_authenticated_user = True
