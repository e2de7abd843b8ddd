"""The names certificates get in the inventory: default, custom, made unique; and the slug of an issuer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import signatures, subjects
from pki.errors import UNREADABLE, BadCertificate, BadName

LONGEST_NAME: Final = 256
LONGEST_SLUG: Final = 128
SELF_SIGNED: Final = "<selfsigned>"
UNKNOWN: Final = "<unknown>"

_LONGEST_INPUT: Final = 10_000
_LENGTH_OF_A_DATE: Final = 8
_MOST_TRIES: Final = 1_000
# The prefix of an A-label is a name's only run of other characters that carries meaning.
_TO_JOIN: Final = re.compile(r"xn--|[^A-Za-z0-9.]+")


def issuer_slug(certificate: x509.Certificate) -> str:
    """`<selfsigned>`, else the slug of the issuer's common name or organisation, else `<unknown>`."""
    try:
        return slug_of_issuer(certificate.issuer, self_signed=signatures.is_self_signed(certificate))
    except UNREADABLE as error:
        raise BadCertificate(f"The certificate's issuer cannot be read: {error}.") from error


def slug_of_issuer(issuer: x509.Name, *, self_signed: bool) -> str:
    """The issuer's common name or organization, as names of certificates have it."""
    if self_signed:
        return SELF_SIGNED
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        text = subjects.first(issuer, oid)
        slug = text_to_slug(text[:_LONGEST_INPUT], joiner="") if text else ""
        if slug:
            return slug[:LONGEST_SLUG]
    return UNKNOWN


def text_to_slug(value: str, joiner: str = "-") -> str:
    """ASCII letters, digits and dots; accents are dropped, each run of anything else becomes one `joiner`."""
    if len(value) > _LONGEST_INPUT:
        raise BadName("Input value is too long.")
    plain = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    slug = _TO_JOIN.sub(lambda run: run[0] if run[0] == "xn--" else joiner, plain)
    return slug.strip(joiner) if joiner else slug


def default_name(
    *,
    cn: str | None,
    issuer: str,
    not_before: datetime,
    not_after: datetime,
    san: bool | None,
    domains: Iterable[str],
    serial: int,
) -> str:
    """`[SAN-]<subject>-<issuer>-<first day>-<last day>`; a long subject is cut, the rest is kept whole.

    The subject is the first of common name, domains and serial number of which a slug leaves something.
    """
    candidates = (text.replace("*", "WILDCARD") for text in (cn or "", *domains, format(serial, "X")))
    subject = next((slug for text in candidates if (slug := text_to_slug(text[:_LONGEST_INPUT]))), "unnamed")
    prefix = "SAN-" if san else ""
    origin = text_to_slug(issuer.replace(" ", ""))
    tail = "".join(f"-{part}" for part in (origin, _day(not_before), _day(not_after)) if part)
    return _joined(f"{prefix}{subject}", tail)


def custom_name(text: str) -> str:
    """A name that somebody chose, with what does not fit made hyphens. BadName if nothing is left."""
    slug = text_to_slug(text)[:LONGEST_NAME].strip("-")
    if not slug:
        raise BadName("The name has no letter and no digit; write at least one.", field="name")
    return slug


def get_sequence(name: str) -> tuple[str, int | None]:
    """Root and number of a numbered name; a tail of eight digits is a date and belongs to the root."""
    root, dash, tail = name.rpartition("-")
    if not dash or not tail.isascii() or not tail.isdigit() or len(tail) == _LENGTH_OF_A_DATE:
        return name, None
    try:
        return root, int(tail)
    except ValueError:  # more digits than Python converts
        return name, None


def increase(
    name: str,
    serial: int | None,
    taken: Callable[[str], bool],
    starting_with: Callable[[str], Iterable[str]],
) -> str:
    """The name, or the first free one made from it: with the serial number, then with a number (contract 4.5).

    `taken` compares exactly; `starting_with` may give more names than ours, even with other case.
    """
    if not taken(name):
        return name
    if serial is None:
        base = get_sequence(name)[0]
    else:
        base = _joined(name, f"-{serial:X}")
        if not taken(base):
            return base
    found = (get_sequence(other) for other in starting_with(base))
    first = 1 + max((number for root, number in found if root == base and number), default=0)
    for number in range(first, first + _MOST_TRIES):
        candidate = _joined(base, f"-{number}")
        if not taken(candidate):
            return candidate
    raise BadName(f"No free name begins with {base!r}; give the certificate another name.", field="name")


def _day(moment: datetime) -> str:
    return f"{moment.year:04}{moment.month:02}{moment.day:02}"


def _joined(head: str, tail: str) -> str:
    """The head gives way, so that what makes the name unique is never cut off."""
    if len(head) + len(tail) > LONGEST_NAME:
        head = head[: LONGEST_NAME - len(tail)].rstrip("-")
    return head + tail
