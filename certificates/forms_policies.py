"""The form of a rotation policy."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from certificates.service.policies import LEAST_DAYS, MOST_DAYS


class PolicyForm(forms.Form):
    """A name and a number of days."""

    name = forms.CharField(label=_("Name"), max_length=128)
    days = forms.IntegerField(
        label=_("Days before the end"),
        min_value=LEAST_DAYS,
        max_value=MOST_DAYS,
        help_text=_("When a certificate that follows this policy is due for renewal."),
    )
