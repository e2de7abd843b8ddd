"""The forms that make, connect and change an authority."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from authorities import pointers
from authorities.models import MOST_RENEWALS, Authority, DnsProvider, Profile
from authorities.permissions import dns_provider_permissions, permissions
from core.errors import Invalid
from core.forms import RowsField
from plugins.contracts import Issuer, Plugin
from web.choices import Choices, RowField
from web.forms import KEY_CHOICES, RowForm


def name_field() -> forms.CharField:
    """Of a new authority."""
    return forms.CharField(label=_("Name"), max_length=119, help_text=_("What people here call it."))


def profiles_field() -> RowsField:
    """Which profiles a new authority offers."""
    return RowsField(
        label=_("Profiles it offers"),
        queryset=Profile.objects.filter(ca=False),
        widget=Choices,
        required=False,
        help_text=_("None chosen: all of them."),
    )


def roles_field() -> RowsField:
    """Who may use a new authority."""
    return RowsField(
        label=_("Roles that may use it"),
        queryset=Role.objects.all(),
        required=False,
        help_text=_("Besides its owner and its own two roles."),
        widget=Choices,
    )


class AuthorityForm(forms.Form):
    """A root, or an intermediate under a parent."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[("root", _("Root")), ("subca", _("Intermediate"))],
        widget=forms.RadioSelect,
        initial="root",
    )
    parent = RowField(
        label=_("Parent"), required=False, queryset=Authority.objects.none(), help_text=_("Signs the intermediate.")
    )
    name = name_field()
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
    profiles = profiles_field()
    roles = roles_field()

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


class PluginForm(RowForm):
    """What people say of an authority and where its challenges are answered, and the options of its plugin."""

    # Of a CA that somebody brings, these are made from the certificate that stands among its options.
    shown_at: ClassVar = dict.fromkeys(("body", "chain", "common_name"), "certificate")

    own_owner = forms.EmailField(label=_("Owner"), max_length=128, help_text=_("The team that answers for it."))
    own_description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    own_dns_provider = RowField(
        label=_("DNS provider"),
        required=False,
        queryset=DnsProvider.objects.none(),
        empty_label=_("None: names are proved over HTTP, or as each order says"),
        help_text=_("Where its challenges are answered, if an order says nothing else."),
    )

    def __init__(
        self, plugin: type[Plugin], *args: Any, user: User, row: Authority | None = None, **kwargs: Any
    ) -> None:
        shown = row.options if row else {}
        stored = dict.fromkeys(row.secret_names, "") if row else {}
        super().__init__(plugin.Options, *args, values=shown, stored=stored, prefix=None, **kwargs)
        said = {name: getattr(row, name.removeprefix("own_")) for name in self.OWN} if row else {}
        self.initial.update(said or {"own_owner": user.email})
        if issubclass(plugin, Issuer) and plugin.proves_names:
            providers = dns_provider_permissions.allowed(user, "view", DnsProvider.objects.all())
            self.fields["own_dns_provider"].queryset = providers  # type: ignore[attr-defined]
        else:
            del self.fields["own_dns_provider"]

    @property
    def wants_dns_provider(self) -> bool:
        """Is there none to choose from yet?"""
        field: Any = self.fields.get("own_dns_provider")
        return field is not None and not field.queryset.exists()


class ConnectForm(PluginForm):
    """A CA that exists elsewhere."""

    OWN = ("own_name", "own_owner", "own_description", "own_dns_provider", "own_profiles", "own_roles")

    own_name = name_field()
    own_profiles = profiles_field()
    own_roles = roles_field()

    def as_new(self) -> dict[str, Any]:
        """As the service takes it, but for its plugin."""
        own = self.own()
        lists = {"roles": tuple(own.pop("roles")), "offered": tuple(own.pop("profiles")) or None}
        return {**own, **lists, "options": self.given()}


class AuthorityEditForm(PluginForm):
    """What may be changed of an authority."""

    OWN = ("own_owner", "own_description", "own_dns_provider", "own_renewals_per_hour", "own_active")

    own_renewals_per_hour = forms.IntegerField(
        label=_("Renewals an hour"),
        required=False,
        min_value=1,
        max_value=MOST_RENEWALS,
        help_text=_("How many certificates it is asked for by renewals that happen by themselves. Empty: any number."),
    )
    own_active = forms.BooleanField(label=_("In use"), required=False, help_text=_("Else nothing is ordered from it."))

    def as_changes(self) -> dict[str, Any]:
        """As the service takes it: what was changed here alone, for others may change the rest meanwhile."""
        own = {name: value for name, value in self.own().items() if f"own_{name}" in self.changed_data}
        return {**own, "options": self.given()} if set(self.changed_data) - set(self.OWN) else own
