"""The form that makes an authority."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from authorities import pointers
from authorities.models import Authority, Profile
from authorities.permissions import permissions
from core.errors import Invalid
from core.forms import RowsField
from web.forms import KEY_CHOICES, Choices


class AuthorityForm(forms.Form):
    """A root, or an intermediate under a parent."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[("root", _("Root")), ("subca", _("Intermediate"))],
        widget=forms.RadioSelect,
        initial="root",
    )
    parent = forms.ModelChoiceField(
        label=_("Parent"), required=False, queryset=Authority.objects.none(), help_text=_("Signs the intermediate.")
    )
    name = forms.CharField(label=_("Name"), max_length=119, help_text=_("What people here call it."))
    common_name = forms.CharField(label=_("Common name"), max_length=64, help_text=_("What its certificate says."))
    owner = forms.EmailField(label=_("Owner"), max_length=128)
    description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    key_type = forms.ChoiceField(label=_("Key type"), choices=KEY_CHOICES, initial="ECCPRIME256V1")
    validity_years = forms.IntegerField(
        label=_("Years"), required=False, min_value=1, max_value=50, help_text=_("A root 10, an intermediate 5.")
    )
    path_length = forms.IntegerField(
        label=_("Path length"),
        required=False,
        min_value=0,
        max_value=20,
        help_text=_("How many authorities may follow."),
    )
    organization = forms.CharField(label=_("Organization"), required=False, max_length=64)
    organizational_unit = forms.CharField(label=_("Organizational unit"), required=False, max_length=64)
    country = forms.CharField(label=_("Country"), required=False, max_length=2)
    state = forms.CharField(label=_("State or province"), required=False, max_length=128)
    location = forms.CharField(label=_("Locality"), required=False, max_length=128)
    pki_base_url = forms.CharField(
        label=_("Public base URL"),
        required=False,
        max_length=255,
        initial=lambda: settings.PKI_ROOT,
        help_text=_(
            "Certificates say for as long as they live that revocation list and OCSP responder are found under this "
            "address, as http://pki.example.com/pki/1/ca.crl. Empty: they say nothing, and nobody learns of a "
            "revocation."
        ),
    )
    pki_confirmed = forms.BooleanField(
        label=_("Every machine that checks certificates reaches this address over plain HTTP, and will in years"),
        required=False,
    )
    profiles = RowsField(
        label=_("Profiles it offers"),
        queryset=Profile.objects.filter(ca=False),
        widget=Choices,
        required=False,
        help_text=_("None chosen: all of them."),
    )
    roles = RowsField(
        label=_("Roles that may use it"),
        queryset=Role.objects.all(),
        required=False,
        help_text=_("Besides its owner and its own two roles."),
        widget=Choices,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        active = Authority.objects.filter(active=True)
        self.fields["parent"].queryset = permissions.allowed(user, "use", active)  # type: ignore[attr-defined]

    def clean_pki_base_url(self) -> str:
        """As it is stored."""
        try:
            return pointers.base_url(self.cleaned_data["pki_base_url"])
        except Invalid as error:
            raise forms.ValidationError(error.reasons[pointers.FIELD]) from error

    def clean(self) -> dict[str, Any]:
        """An intermediate needs a parent, a root has none; an address that stands in every certificate is confirmed."""
        given = self.cleaned_data
        if given.get("pki_base_url") and not given.get("pki_confirmed"):
            self.add_error(
                "pki_confirmed",
                _("Confirm the address, or leave it empty: it cannot be changed later in what was issued."),
            )
        if given.get("kind") == "subca" and not given.get("parent") and "parent" not in self.errors:
            self.add_error("parent", _("Choose the authority that signs the intermediate."))
        if given.get("kind") == "root":
            given["parent"] = None
        return given
