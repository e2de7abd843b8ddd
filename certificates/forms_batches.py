"""What a person says who wants the same done to many certificates: one form for each verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from certificates.forms import TagsField
from certificates.forms_revocation import REASONS
from core.forms import RowsField
from stores.models import Destination
from web.choices import Choices

ON = [("true", _("On")), ("false", _("Off"))]


class VerbForm(forms.Form):
    """The fields of one verb; ``given`` are its values as JSON."""

    @property
    def given(self) -> dict[str, Any]:
        """What was said."""
        return dict(self.cleaned_data)


class HandOverForm(VerbForm):
    """Who looks after them from now on."""

    owner = forms.EmailField(label=_("New owner"), help_text=_("The team's address."), max_length=128)


class SwitchForm(VerbForm):
    """On or off."""

    on = forms.TypedChoiceField(
        label=_("For all of them"), choices=ON, coerce=lambda text: text == "true", widget=forms.RadioSelect
    )


class DeliverForm(VerbForm):
    """Where they shall be, besides where they are."""

    destinations = RowsField(label=_("Destinations"), queryset=Destination.objects.filter(active=True), widget=Choices)

    @property
    def given(self) -> dict[str, Any]:
        return {"destinations": [one.pk for one in self.cleaned_data["destinations"]]}


class TagForm(VerbForm):
    """Which words."""

    tags = TagsField(required=True, help_text=_("With commas or blanks between: env:prod, team/web."))


class RevokeManyForm(VerbForm):
    """Why; and that one insists where an endpoint still serves one of them."""

    reason = forms.ChoiceField(label=_("Reason"), choices=REASONS, widget=forms.RadioSelect, initial="unspecified")
    comments = forms.CharField(
        label=_("Comment"), required=False, max_length=1024, help_text=_("For the history of the certificates.")
    )
    force = forms.BooleanField(
        label=_("Revoke also those that an endpoint still serves"),
        required=False,
        help_text=_("Without this they are left as they are, and listed."),
    )


FORMS: Mapping[str, type[VerbForm]] = {
    "renew": VerbForm,
    "hand-over": HandOverForm,
    "deliver": DeliverForm,
    "rotation": SwitchForm,
    "notify": SwitchForm,
    "tag": TagForm,
    "untag": TagForm,
    "revoke": RevokeManyForm,
}
TITLES: Mapping[str, str | Promise] = {
    "renew": _("Renew now"),
    "hand-over": _("Hand over to another owner"),
    "deliver": _("Deliver to destinations"),
    "rotation": _("Switch renewing by itself"),
    "notify": _("Switch telling of the end"),
    "tag": _("Add tags"),
    "untag": _("Take tags away"),
    "revoke": _("Revoke"),
}
"""In the order in which they are offered."""
