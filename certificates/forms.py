"""The forms of the certificate pages: they parse what people type; the services decide."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now as clock
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from authorities.models import Authority, Profile
from authorities.permissions import permissions as authority_permissions
from certificates.extensions import too_many_names
from certificates.models import Certificate
from certificates.permissions import permissions
from certificates.service import Difference
from certificates.tags import LONGEST, MOST, normal_tags, typed_tags
from core.errors import Invalid
from core.forms import MOST_DIGITS, RowsField
from notifications.models import Notification
from pki.names import NameType
from plugins import PluginOptions
from plugins.exports.container import generate_passphrase
from stores.models import Destination
from web.choices import Choices, RowField
from web.forms import KEY_CHOICES, OptionsForm, moment_input

MOST_NAMES = 1000
LISTS = frozenset({"roles", "replaces", "destinations", "notifications", "tags"})
MONOSPACE = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "class": "mono"}


def kind_of_name(text: str) -> NameType:
    """What sort of name a person meant: an address, an e-mail address, a URI, or else a domain."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
            return NameType.URI
        return NameType.EMAIL if "@" in text else NameType.DNS
    return NameType.IP


class PemArea(forms.Textarea):
    """A text area for PEM. A private key that was pasted into it by mistake is not sent back."""

    def format_value(self, value: Any) -> Any:
        return None if "PRIVATE KEY" in str(value) else super().format_value(value)


def pem_area(rows: int = 6) -> PemArea:
    """A text area for PEM."""
    return PemArea(attrs={**MONOSPACE, "rows": rows})


class KeyArea(forms.Textarea):
    """A text area for a private key: what was typed is never sent back, not even with a complaint about it."""

    def format_value(self, value: Any) -> None:
        """Always empty."""


class TagsField(forms.CharField):
    """Tags, as people type them on one line."""

    def __init__(self, **kwargs: Any) -> None:
        told = {"label": _("Tags"), "help_text": _("To find it by, with commas or blanks between: env:prod, team/web.")}
        limits = {"required": False, "max_length": 2 * MOST * LONGEST}
        super().__init__(**{**told, **limits, "widget": forms.TextInput(attrs=MONOSPACE), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> tuple[str, ...]:
        """The names, each once."""
        given = typed_tags(super().clean(value))
        if self.required and not given:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        try:
            return normal_tags(given)
        except Invalid as error:
            raise forms.ValidationError(error.plainly) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """However they were typed."""
        before, now = (set(typed_tags(self.prepare_value(value) or "")) for value in (initial, data))
        return before != now


class OrderForm(forms.Form):
    """Ordering in one screen: names, owner, authority; everything else has a good default."""

    names = forms.CharField(
        label=_("Names"),
        required=False,
        help_text=_("One per line: domains, wildcards, IP addresses. The first one becomes the common name."),
        widget=forms.Textarea(attrs={**MONOSPACE, "rows": 4}),
    )
    owner = forms.EmailField(label=_("Owner"), help_text=_("The team's address."), max_length=128)
    authority = RowField(label=_("Authority"), queryset=Authority.objects.none())
    profile = RowField(
        label=_("Profile"), queryset=Profile.objects.filter(ca=False), to_field_name="name", empty_label=None
    )
    validity_days = forms.IntegerField(label=_("Days"), required=False, min_value=1, max_value=36_500)
    validity_start = forms.DateTimeField(label=_("From (UTC)"), required=False, widget=moment_input())
    validity_end = forms.DateTimeField(label=_("Until (UTC)"), required=False, widget=moment_input())
    key_type = forms.ChoiceField(label=_("Key type"), choices=KEY_CHOICES, initial="ECCPRIME256V1")
    csr = forms.CharField(
        label=_("Signing request (CSR)"),
        required=False,
        max_length=settings.MAX_PEM_IN_ORDER,
        help_text=_("Only if the key is kept elsewhere. Names, subject and usages then come from it."),
        widget=pem_area(),
    )
    common_name = forms.CharField(label=_("Common name"), required=False, max_length=255)
    organization = forms.CharField(label=_("Organization"), required=False, max_length=255)
    organizational_unit = forms.CharField(label=_("Organizational unit"), required=False, max_length=255)
    country = forms.CharField(label=_("Country"), required=False, max_length=2)
    state = forms.CharField(label=_("State or province"), required=False, max_length=255)
    location = forms.CharField(label=_("Locality"), required=False, max_length=255)
    name = forms.CharField(
        label=_("Name here"),
        required=False,
        max_length=256,
        help_text=_("Made from the subject if you leave it empty."),
    )
    description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    tags = TagsField()
    rotation = forms.BooleanField(label=_("Renew it by itself"), required=False)
    destinations = RowsField(
        label=_("Destinations"),
        required=False,
        queryset=Destination.objects.all(),
        widget=Choices,
        help_text=_("Where it is delivered."),
    )
    replaces = RowsField(
        label=_("Replaces"), required=False, queryset=Certificate.objects.none(), widget=forms.MultipleHiddenInput
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["authority"].queryset = authority_permissions.allowed(  # type: ignore[attr-defined]
            user, "use", Authority.objects.filter(active=True)
        )
        self.fields["replaces"].queryset = permissions.allowed(user, "replace")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The fields as the service takes them."""
        given = self.cleaned_data
        lines = [line.strip() for line in given.pop("names", "").splitlines() if line.strip()]
        if not lines and not given.get("csr") and not given.get("common_name"):
            self.add_error("names", _("Give at least one name, or a signing request."))
        if len(lines) > settings.MAX_NAMES_IN_ORDER:
            self.add_error("names", too_many_names())
            return given
        listed = [{"name_type": kind_of_name(line).value, "value": line} for line in lines]
        given["extensions"] = {"sub_alt_names": {"names": listed}}
        if lines and not given.get("common_name") and kind_of_name(lines[0]) is NameType.DNS and len(lines[0]) <= 64:
            given["common_name"] = lines[0]
        if days := given.pop("validity_days", None):
            given["validity_start"] = given.get("validity_start") or clock()
            try:
                given["validity_end"] = given["validity_start"] + timedelta(days=days)
            except OverflowError:
                self.add_error("validity_days", _("So many days lead beyond the year 9999."))
        if profile := given.get("profile"):
            given["profile"] = profile.name
        for field in ("organization", "organizational_unit", "country", "state", "location"):
            given[field] = given.get(field) or None
        return given

    def add_error(self, field: str | None, error: Any) -> None:
        """What is wrong with a common name that nobody typed is wrong with what it was taken from."""
        if field == "common_name" and not self.data.get(self.add_prefix(field)):
            field = "csr" if self.data.get(self.add_prefix("csr")) else "names"
        super().add_error(field, error)

    def replaced(self) -> QuerySet[Certificate]:
        """What the new one takes the place of, before and after it was sent."""
        if self.is_bound:
            return self.cleaned_data.get("replaces") or Certificate.objects.none()
        rows: QuerySet[Certificate] = self.fields["replaces"].queryset  # type: ignore[attr-defined]
        return rows.filter(pk__in=self.initial.get("replaces", ()))


class NamesField(forms.CharField):
    """What a certificate replaces: certificates by their names, one a line; the person must be able to see them."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Replaces"),
            help_text=_("Names of older certificates, one a line. Nobody is told any more that those expire."),
            widget=forms.Textarea(attrs={**MONOSPACE, "rows": 2}),
            required=False,
            max_length=100_000,
        )
        self.rows = Certificate.objects.present()

    def clean(self, value: Any) -> list[Certificate]:
        """The rows, each once."""
        names = dict.fromkeys(line.strip() for line in super().clean(value).splitlines() if line.strip())
        found = {one.name: one for one in self.rows.filter(name__in=list(names)[:MOST_NAMES])}
        for name in names:
            if name not in found:
                raise forms.ValidationError(_("There is no certificate called %(name)s."), params={"name": name[:100]})
        return list(found.values())

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The names are texts on both sides."""
        return str(initial or "").split() != str(data or "").split()


class EditForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is known about a certificate."""

    field_order = ("owner", "description", "tags")

    tags = TagsField()
    replaces = NamesField()

    class Meta:
        model = Certificate
        fields = (
            "owner",
            "description",
            "notify",
            "rotation",
            "rotation_policy",
            "roles",
            "destinations",
            "notifications",
        )
        labels = {
            "owner": _("Owner"),
            "description": _("Description"),
            "notify": _("Tell people before it expires"),
            "rotation": _("Renew it by itself"),
            "rotation_policy": _("Rotation policy"),
            "roles": _("Roles that may manage it"),
            "destinations": _("Destinations"),
            "notifications": _("Notifications"),
        }
        help_texts = {
            "owner": _("A new owner takes over: the old owner's role and the creator's rights end."),
            "destinations": _("What is taken out of the list is taken away there."),
            "notifications": _("Those of its owner are added where none of them is chosen."),
        }
        field_classes = {"roles": RowsField, "destinations": RowsField, "notifications": RowsField}
        widgets = dict.fromkeys(("roles", "destinations", "notifications"), Choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = self.instance.tag_names
        self.initial["replaces"] = "\n".join(self.instance.replaces.values_list("name", flat=True))
        for name, rows in (("roles", Role), ("destinations", Destination), ("notifications", Notification)):
            self.fields[name].queryset = rows._default_manager.all()  # type: ignore[attr-defined]
        for field in self.fields.values():  # what was shown comes back with what was chosen
            field.show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        """What was changed here; of a list, what was added and removed: others may change things meanwhile."""
        given = {name: value for name, value in self.cleaned_data.items() if name in self.changed_data}
        for name in LISTS & set(given):
            shown, chosen = self._shown(name), list(given[name])
            given[name] = Difference(
                [row for row in chosen if row not in shown], [row for row in shown if row not in chosen]
            )
        return given

    def _shown(self, name: str) -> list[Any]:
        """What stood in this list when the person saw it."""
        field = self.fields[name]
        values = self._widget_data_value(field.hidden_widget(), self[name].html_initial_name)  # type: ignore[attr-defined]
        if isinstance(field, TagsField):
            return [tag.lower() for tag in typed_tags(str(values or ""))]
        if isinstance(field, NamesField):
            return list(field.rows.filter(name__in=str(values or "").split()))
        known = [pk for pk in values or () if str(pk).isdecimal() and len(str(pk)) <= MOST_DIGITS]
        return list(field.queryset.filter(pk__in=known))  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        """The service changes the certificate, not this form."""


class ReissueForm(forms.Form):
    """Renewing."""

    replace = forms.BooleanField(
        label=_("The new one takes its place"),
        required=False,
        initial=True,
        help_text=_("Then nobody is told any more that this one expires."),
    )


class OrderUploadForm(forms.Form):
    """What the CA issued for an order."""

    body = forms.CharField(label=_("Certificate (PEM)"), max_length=settings.MAX_PEM_IN_IMPORT, widget=pem_area())
    chain = forms.CharField(
        label=_("Chain (PEM)"),
        required=False,
        max_length=settings.MAX_PEM_IN_IMPORT,
        help_text=_("Empty: the authority's own."),
        widget=pem_area(4),
    )


class OrderCancelForm(forms.Form):
    """Why an order is given up."""

    note = forms.CharField(label=_("Why"), required=False, max_length=1000)


class DomainForm(forms.Form):
    """Whether a domain is sensitive."""

    sensitive = forms.BooleanField(required=False)


class NewDomainForm(forms.Form):
    """A name that no certificate has yet."""

    name = forms.CharField(label=_("Name"), max_length=255, widget=forms.TextInput(attrs=MONOSPACE))
    sensitive = forms.BooleanField(
        label=_("Sensitive"), required=False, help_text=_("Only trusted people may order it.")
    )


class ExportForm(OptionsForm):
    """The options of an export plugin. Its passphrase is kept nowhere: whoever downloads the file must see it first."""

    def __init__(self, options: type[PluginOptions], *args: Any, **kwargs: Any) -> None:
        super().__init__(options, *args, **kwargs)
        passphrase = self.fields.get("passphrase")
        if passphrase is not None:
            passphrase.required, passphrase.initial, passphrase.help_text = True, generate_passphrase(), ""
            passphrase.widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
