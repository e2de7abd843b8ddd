"""What people bring to import: pasted, or as files of any usual kind; one certificate, or many at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from certificates.forms import MONOSPACE, KeyArea, NamesField, TagsField, pem_area
from pki import containers, inspection
from pki.errors import BadContainer, PkiError
from pki.gathering import File
from pki.keys import private_key_pem

MOST_FILES = 90
"""Django reads a hundred files of a request at most, and refuses it where there are more."""


class FilesInput(forms.FileInput):
    """Several files, chosen or dropped anywhere on the page (static/js/app.js)."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, as a list."""

    def __init__(self, **kwargs: Any) -> None:
        limits = {"data-most-bytes": settings.MAX_BODY, "data-most-files": MOST_FILES, "data-files": True}
        super().__init__(widget=FilesInput(attrs=limits), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Each as a single one is."""
        given = data if isinstance(data, list | tuple) else [data]
        return [clean for one in given if (clean := super(FilesField, self).clean(one, initial))]


class ImportForm(forms.Form):
    """Bringing a certificate that was made elsewhere: pasted as PEM, or as a file of any usual kind."""

    body = forms.CharField(label=_("Certificate (PEM)"), required=False, widget=pem_area())
    body_file = FilesField(
        label=_("or a file, or several"),
        required=False,
        help_text=_(
            "PEM, DER, PKCS#7 or PKCS#12, chosen or dropped on this page; what belongs together is found by itself."
        ),
    )
    passphrase = forms.CharField(
        label=_("Passphrase of the file"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    chain = forms.CharField(label=_("Chain (PEM)"), required=False, widget=pem_area(4))
    private_key = forms.CharField(
        label=_("Private key (PEM, without passphrase)"),
        required=False,
        widget=KeyArea(attrs={**MONOSPACE, "rows": 4}),
    )
    owner = forms.EmailField(label=_("Owner"), help_text=_("The team's address."), max_length=128)
    name = forms.CharField(
        label=_("Name here"),
        required=False,
        max_length=256,
        help_text=_("Of a single one; else made from the subject."),
    )
    description = forms.CharField(label=_("Description"), required=False, max_length=1024)
    tags = TagsField()
    replaces = NamesField()

    def clean(self) -> dict[str, Any]:
        """The texts, from wherever they came."""
        given = self.cleaned_data
        uploads, passphrase = given.pop("body_file", None) or [], given.pop("passphrase", "")
        if len(uploads) > 1:
            self.add_error("body_file", _("Several files are imported together: press Preview to see what they hold."))
        elif uploads:
            self._unpack(uploads[0].read(settings.MAX_PEM_IN_IMPORT + 1), passphrase)
        if not given.get("body") and not self.errors:
            self.add_error("body", _("Paste a certificate, or choose its file."))
        return given

    def _unpack(self, data: bytes, passphrase: str) -> None:
        """Fill what was not pasted from the file."""
        try:
            if len(data) > settings.MAX_PEM_IN_IMPORT:
                raise BadContainer(f"At most {settings.MAX_PEM_IN_IMPORT} bytes are accepted here.")
            found = containers.read_any(data, passphrase or None)
        except PkiError as error:
            self.add_error("body_file", str(error))
            return
        texts = {
            "body": found.certificate and inspection.pem(found.certificate),
            "chain": "".join(map(inspection.pem, found.chain)),
            "private_key": found.key and private_key_pem(found.key),
        }
        for field, text in texts.items():
            self.cleaned_data[field] = self.cleaned_data.get(field) or text or ""


class ImportManyForm(ImportForm):
    """The same fields for any number of certificates: what was brought, and what is said about all of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body_file"].allow_empty_file = True  # type: ignore[attr-defined]  # said of it, with its name

    def clean(self) -> dict[str, Any]:
        """That something was brought; what it is, the service sees."""
        given = self.cleaned_data
        if not self.errors and not given.get("body_file") and not self._pasted().strip():
            self.add_error("body", _("Paste certificates, or choose files."))
        return given

    @property
    def brought(self) -> list[File]:
        """What was pasted, under no name, and the files, none further than a byte beyond what is taken."""
        pasted = self._pasted()
        most = settings.MAX_PEM_IN_IMPORT + 1
        files = [File(one.name or "?", one.read(most)) for one in self.cleaned_data["body_file"]]
        return [File("", pasted.encode("utf-8", "replace")), *files] if pasted.strip() else files

    def _pasted(self) -> str:
        return "\n".join(self.cleaned_data.get(name) or "" for name in ("body", "chain", "private_key"))

    @property
    def shared(self) -> dict[str, Any]:
        """What holds for each of them, as the service takes it."""
        return {name: self.cleaned_data[name] for name in ("owner", "description", "tags", "replaces")}
