"""Subjects: the seven attributes we write, as a value, and lenient reading of any distinguished name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import names
from pki.errors import UNREADABLE, BadName, BadSubject
from pki.names import NameType

ATTRIBUTES: Final[Mapping[str, x509.ObjectIdentifier]] = {
    "email": NameOID.EMAIL_ADDRESS,
    "common_name": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "location": NameOID.LOCALITY_NAME,
}
"""Field of Subject -> its attribute, in the order in which they are written (contract 6.2)."""

# RFC 5280, appendix A.1, upper bounds. The common name is counted in bytes, as the library does.
_LONGEST: Final[Mapping[str, int]] = {
    "email": 255,
    "common_name": 64,
    "organization": 64,
    "organizational_unit": 64,
    "country": 2,
    "state": 128,
    "location": 128,
}
# Zero-width joiners are letters' business in Persian and Indian scripts; every other invisible character only misleads.
_JOINERS: Final = "\u200c\u200d"
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Subject:
    """All text; "" leaves the attribute out."""

    common_name: str = ""
    email: str = ""
    organization: str = ""
    organizational_unit: str = ""
    country: str = ""
    state: str = ""
    location: str = ""

    def to_name(self) -> x509.Name:
        """BadSubject, with the field, for values that RFC 5280 does not permit. Blanks around values are dropped."""
        values = ((field, _cleaned(field, getattr(self, field))) for field in ATTRIBUTES)
        return x509.Name([_attribute(field, value) for field, value in values if value])

    @classmethod
    def from_name(cls, name: x509.Name) -> Subject:
        """The first attribute of each kind; the others are ignored, nothing is refused."""
        return cls(**{field: first(name, oid) or "" for field, oid in ATTRIBUTES.items()})


def first(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    """The first attribute of this kind as text without blanks around it; None when there is none."""
    for attribute in name.get_attributes_for_oid(oid):
        if isinstance(attribute.value, str):
            return attribute.value.strip()
    return None


def rfc4514(name: x509.Name) -> str:
    """The text form, most specific attribute first; "" for a name that has none. Never raises."""
    try:
        return name.rfc4514_string()
    except UNREADABLE:
        return ""


def comparable(name: x509.Name) -> tuple[frozenset[tuple[str, str | bytes]], ...]:
    """Equal for names that are the same by RFC 5280, 7.1: letter case, runs of blanks and string types do not count."""
    return tuple(frozenset((a.oid.dotted_string, _comparable(a.value)) for a in part) for part in name.rdns)


def are_same(one: x509.Name, other: x509.Name) -> bool:
    """As RFC 5280, 7.1 compares: upper case and runs of spaces make no difference."""
    return one == other or comparable(one) == comparable(other)


def _comparable(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return value
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _cleaned(field: str, value: str) -> str:
    text = value.strip()
    longest = _LONGEST[field]
    # Before normalising, which takes long for long texts; composing shortens none to less than a quarter.
    if len(text) > 4 * longest:
        raise _too_long(field)
    text = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(c) in _INVISIBLE and c not in _JOINERS for c in text):
        raise BadSubject(f"The {_label(field)} has an invisible or control character: remove it.", field=field)
    if field == "country" and text:
        return _country(text)
    size = len(text.encode()) if field == "common_name" else len(text)
    if size > longest:
        raise _too_long(field)
    return _email(text) if field == "email" and text else text


def _country(text: str) -> str:
    if len(text) != 2 or not text.isascii() or not text.isalpha():
        raise BadSubject("The country must be its two-letter code, such as DE or US (ISO 3166).", field="country")
    return text.upper()


def _email(text: str) -> str:
    try:
        return names.parse(NameType.EMAIL, text).value
    except BadName as error:
        raise BadSubject(error.message, field="email") from error


def _attribute(field: str, value: str) -> x509.NameAttribute[str]:
    try:
        return x509.NameAttribute(ATTRIBUTES[field], value)
    except UNREADABLE as error:
        raise BadSubject(f"The {_label(field)} cannot be written into a certificate.", field=field) from error


def _too_long(field: str) -> BadSubject:
    unit = "bytes" if field == "common_name" else "characters"
    return BadSubject(f"The {_label(field)} is longer than {_LONGEST[field]} {unit}: shorten it.", field=field)


def _label(field: str) -> str:
    return "e-mail address" if field == "email" else field.replace("_", " ")
