"""The forms on the way in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.utils.translation import gettext_lazy as _

from accounts import service
from core.audit import acting
from core.errors import DomainError


def code_input() -> forms.TextInput:
    """What a telephone offers its keys and the last message for."""
    return forms.TextInput(
        attrs={"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false", "autofocus": True}
    )


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(label=_("Code"), max_length=64, widget=code_input())


class ConfirmForm(forms.Form):
    """What the person has: a second factor, or only a password."""

    typed = forms.CharField(label=_("Password"), max_length=1024, strip=False)

    def __init__(self, has_second_factor: bool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["typed"]
        if has_second_factor:
            field.label, field.widget = _("Code"), code_input()
        else:
            field.widget = forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})


class OwnPasswordForm(PasswordChangeForm):
    """Django's form; the old password is asked of our service, so that it cannot be guessed at here either."""

    def clean_old_password(self) -> str:
        """The old password, if it is right."""
        typed = str(self.cleaned_data["old_password"])
        try:
            service.check_password(self.user.get_username(), typed, address=acting().address)
        except DomainError as error:
            raise forms.ValidationError(error.message) from error
        return typed
