"""The form of a rotation policy."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from certificates.models.rotation import LEAST_DAYS, LEAST_SHARE, MOST_DAYS, MOST_JITTER, MOST_SHARE


class PolicyForm(forms.Form):
    """A name, when, and what becomes of the certificate that was replaced."""

    name = forms.CharField(label=_("Name"), max_length=128)
    days = forms.IntegerField(
        label=_("Days before the end"),
        min_value=LEAST_DAYS,
        max_value=MOST_DAYS,
        help_text=_("When a certificate is due for renewal; never before the last third of its life."),
    )
    share = forms.IntegerField(
        label=_("Percent of its life before the end"),
        required=False,
        min_value=LEAST_SHARE,
        max_value=MOST_SHARE,
        help_text=_("In the place of the days, for certificates that live for days or hours."),
    )
    follows_ca = forms.BooleanField(
        label=_("Renew when the certificate authority suggests it, where it does"), required=False
    )
    jitter_hours = forms.IntegerField(
        label=_("Spread over hours"),
        required=False,
        min_value=0,
        max_value=MOST_JITTER,
        help_text=_("So that certificates of one day are not all renewed in one hour."),
    )
    windows = forms.CharField(
        label=_("Maintenance windows"),
        required=False,
        max_length=512,
        help_text=_("Hours of the week in UTC, as mon-fri 22:00-04:00; sat,sun 00:00-24:00. Empty: at any time."),
    )
    revokes_old = forms.BooleanField(
        label=_("Revoke the old certificate once it is replaced and served nowhere"), required=False
    )
    cleans_old = forms.BooleanField(label=_("Remove it from the sources that it was found at"), required=False)

    def clean_jitter_hours(self) -> int:
        """Nothing is none."""
        return self.cleaned_data["jitter_hours"] or 0
