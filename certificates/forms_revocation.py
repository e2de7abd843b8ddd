"""The form that revokes a certificate, or ends a hold."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from authorities import ledger
from certificates.models import Revocation

REASONS = [
    ("unspecified", _("No reason given")),
    ("keyCompromise", _("The key is known to others")),
    ("superseded", _("Another certificate took its place")),
    ("cessationOfOperation", _("It is not used any more")),
    ("affiliationChanged", _("A name in it is not true any more")),
    ("privilegeWithdrawn", _("It should not have been issued")),
    ("cACompromise", _("The key of the authority is known to others")),
    (ledger.HOLD, _("On hold: may be taken back")),
]
OF_A_HOLD = [
    (ledger.RELEASE, _("End the hold: it is good again")),
    *(choice for choice in REASONS if choice[0] != ledger.HOLD),
]


class RevokeForm(forms.Form):
    """Why, what to remember, and that one insists where something would break.

    ``held``: it is on hold. ``unfinished``: what was asked for before, and is asked for again.
    """

    reason = forms.ChoiceField(label=_("Reason"), choices=REASONS, widget=forms.RadioSelect, initial="unspecified")
    comments = forms.CharField(
        label=_("Comment"), required=False, max_length=1024, help_text=_("For the history of the certificate.")
    )
    force = forms.BooleanField(label=_("Revoke it although something would break"), required=False)

    def __init__(
        self, *args: Any, serious: bool, held: bool, unfinished: Revocation | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.serious = serious
        if held:
            self.fields["reason"].choices = OF_A_HOLD  # type: ignore[attr-defined]
            self.initial["reason"] = ledger.RELEASE
        if unfinished is not None:
            self.initial = {**self.initial, "reason": unfinished.reason, "comments": unfinished.comments}
        if not serious:
            del self.fields["force"]

    def clean(self) -> dict[str, Any]:
        """One must insist, unless it is made good again."""
        given = self.cleaned_data
        if self.serious and not given.get("force") and given.get("reason") != ledger.RELEASE:
            self.add_error("force", _("Tick this if it must be, or replace the certificate where it is used first."))
        return given
