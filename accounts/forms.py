"""The forms for people, roles and API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Role, User
from accounts.service.tokens import FOR_EVER, LONGEST_LIFE
from authorities.models import Authority
from core.forms import RowsField
from web.choices import Choices

MOST_NAMES = 1_000


def secret(label: Any, help_text: Any = "", *, longest: int = 1024) -> forms.CharField:
    """A password: what was typed is never sent back."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=longest, widget=widget
    )


def several_roles() -> RowsField:
    """Roles to choose from."""
    return RowsField(label=_("Roles"), queryset=Role.objects.all(), required=False, widget=Choices)


class PersonForm(forms.Form):
    """A new person."""

    username = forms.CharField(
        label=_("User name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("E-mail address"), max_length=128, help_text=_("Certificates that name it as their owner are theirs.")
    )
    password = secret(
        _("Password"),
        _(
            "At least 12 characters, with a capital and a small letter, a digit and one of ! @ # ? ]. "
            "Without one they cannot log in here."
        ),
    )
    roles = several_roles()


class PersonEditForm(PersonForm):
    """What can be changed about a person."""

    password = secret(_("New password"), _("Leave it empty to keep the present one. A new one ends all their tokens."))
    is_active = forms.BooleanField(
        label=_("May log in"), required=False, help_text=_("Switched off, every token and session ends at once.")
    )
    field_order = ("username", "email", "is_active", "roles", "password")


class RoleForm(forms.Form):
    """A new role."""

    name = forms.CharField(label=_("Name"), max_length=128)
    description = forms.CharField(label=_("Description"), required=False, max_length=255)
    authorities = RowsField(
        label=_("Authorities that its members may use"),
        queryset=Authority.objects.all(),
        required=False,
        widget=Choices,
    )
    username = forms.CharField(
        label=_("Shared user name"),
        required=False,
        max_length=128,
        help_text=_("A log-in elsewhere that the members share."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = secret(_("Shared password"), _("Kept sealed; members can see it, and that is written down."))

    def clean(self) -> dict[str, Any]:
        """A password that was left empty is not given."""
        if not self.cleaned_data.get("password"):
            self.cleaned_data.pop("password", None)
        return self.cleaned_data


class RoleEditForm(RoleForm):
    """What can be changed about a role. The name of a built-in one cannot."""

    forget = forms.BooleanField(label=_("Take the stored password away"), required=False)

    def __init__(self, role: Role, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {name: getattr(role, name) for name in ("name", "description", "username")}
        self.initial["authorities"] = role.authorities.all()
        self.fields["name"].disabled = role.built_in
        if role.password:
            self.fields["password"].help_text = _("Leave it empty to keep the stored one.")
        else:
            del self.fields["forget"]

    def clean(self) -> dict[str, Any]:
        """To forget the password is to store an empty one."""
        given = super().clean()
        if given.pop("forget", False):
            given["password"] = ""
        return given


class MembersForm(forms.Form):
    """Who joins a role and who leaves it; cleans to ``people``, everybody who holds it afterwards."""

    add = forms.CharField(
        label=_("Add people"),
        required=False,
        max_length=100_000,
        help_text=_("User names or e-mail addresses, one per line."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "off"}),
    )
    remove = RowsField(
        label=_("Take the role from"), queryset=User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, role: Role, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = role.users.order_by("username")
        self.fields["remove"].queryset = self.members  # type: ignore[attr-defined]

    def clean_add(self) -> list[User]:
        """The people of these names, in one statement."""
        names = list(dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["add"].splitlines()))))
        if len(names) > MOST_NAMES:
            raise forms.ValidationError(_now("No more than %(most)s people at once."), params={"most": MOST_NAMES})
        lower = [name.lower() for name in names]
        found = User.objects.filter(Q(username__in=names) | Q(email__in=lower))
        known = {text for user in found for text in (user.username, user.email)}
        missing = [name for name in names if name not in known and name.lower() not in known]
        if missing:
            raise forms.ValidationError(_now("There is nobody called %(name)s."), params={"name": missing[0][:100]})
        return list(found)

    def clean(self) -> dict[str, Any]:
        """The members as they are to be. A form without a change is one that was sent by mistake, or is none."""
        given = self.cleaned_data
        leaving = set(given.get("remove", ()))
        if not (leaving or given.get("add") or self.errors):
            raise forms.ValidationError(_now("Say who joins the role, or who leaves it."))
        return {"people": [*(user for user in self.members if user not in leaving), *given.get("add", ())]}


class KeyForm(forms.Form):
    """A new API key; cleans to what the service takes."""

    name = forms.CharField(label=_("Name"), max_length=128, help_text=_("What it is for."))
    days = forms.IntegerField(
        label=_("Life in days"),
        required=False,
        min_value=1,
        max_value=LONGEST_LIFE,
        initial=365,
        help_text=_("Empty: until it is revoked."),
    )
    scope = forms.ChoiceField(
        label=_("It may"),
        choices=[(ApiKey.Scope.READ, _("read")), (ApiKey.Scope.FULL, _("do everything that I may"))],
        initial=ApiKey.Scope.READ,
        widget=forms.RadioSelect,
    )

    def clean(self) -> dict[str, Any]:
        """Days and scope in the service's words."""
        given = self.cleaned_data
        given["days"] = given.get("days") or FOR_EVER
        given["read_only"] = given.pop("scope", "") != ApiKey.Scope.FULL
        return given
