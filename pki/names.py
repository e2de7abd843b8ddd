"""Subject alternative names: parsed strictly from requests, leniently from certificates; normalised and compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

import idna
from cryptography import x509

from pki.errors import UNREADABLE, BadName

FIELD: Final = "extensions.sub_alt_names.names"

LONGEST_DNS: Final = 253
LONGEST_LOCAL_PART: Final = 64
LONGEST_EMAIL: Final = 254
LONGEST_URI: Final = 2048
LONGEST_DIRECTORY: Final = 4096

_WILDCARD: Final = "*."
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,38})){1,64}")
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)")
_AUTHORITY: Final = re.compile(
    r"//(?P<user>[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:@\[\]]*)(?P<port>:[0-9]*)?(?=[/?#]|$)"
)


class NameType(StrEnum):
    """The kinds of GeneralName (RFC 5280, 4.2.1.6) by their names on the wire; NETWORK is an iPAddress with a mask."""

    DNS = "DNSName"
    IP = "IPAddress"
    NETWORK = "IPNetwork"
    URI = "uniformResourceIdentifier"
    EMAIL = "rfc822Name"
    REGISTERED_ID = "registeredID"
    DIRECTORY = "directoryName"
    OTHER = "otherName"
    X400 = "x400Address"
    EDI = "EDIPartyName"


@dataclass(frozen=True, order=True)
class Name:
    """Names that mean the same are equal once `parse` has normalised them.

    DNS names are lower-case A-labels, IP addresses in their shortest form, directory names RFC 4514 text,
    other names "<oid>:<hex of the value>".
    """

    type: NameType
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def parse(type: str, value: str) -> Name:  # noqa: A002  the word of the wire
    """From a request; BadName says what is wrong. The name may still be of a type that no profile allows."""
    try:
        kind = NameType(type)
    except ValueError as error:
        raise BadName(
            f"{_short(type)} is not a type of name; use one of {', '.join(_PARSERS)}.", field=FIELD
        ) from error
    if kind not in _PARSERS:
        raise BadName(f"Names of type {kind} cannot be issued.", field=FIELD)
    try:
        return Name(kind, _PARSERS[kind](value))
    except BadName as error:
        raise BadName(error.message, field=FIELD) from error


def normalised(name: Name) -> Name:
    """The form in which rules compare names; malformed names, and types that are not issued, come back as they are."""
    try:
        return parse(name.type, name.value)
    except BadName:
        return name


def from_general_name(g: x509.GeneralName) -> Name:
    """What stands in a certificate, valid or not; only letter case that means nothing is changed."""
    for kind, read in _READERS:
        if isinstance(g, kind):
            return read(g)
    raise BadName(f"Names of type {g.__class__.__name__} cannot be read.", field=FIELD)


def to_general_name(n: Name) -> x509.GeneralName:
    """BadName for the types that are read but not written: networks, other names, X.400 addresses, EDI party names."""
    if n.type not in _WRITERS:
        raise BadName(f"Names of type {n.type} cannot be issued.", field=FIELD)
    try:
        return _WRITERS[n.type](n.value)
    except UNREADABLE as error:
        raise BadName(f"{_short(n.value)} cannot be written as a name of type {n.type}.", field=FIELD) from error


@lru_cache(maxsize=1024)
def normalise_dns(value: str) -> str:
    """Lower-case A-labels (IDNA2008), no trailing dot; `*` only as the whole left-most label. BadName has no field."""
    wildcard = _WILDCARD if value.startswith(_WILDCARD) else ""
    host = _a_labels(value.removeprefix(_WILDCARD), shown=value)
    if len(wildcard + host) > LONGEST_DNS:
        raise BadName(f"{_short(value)} is not a DNS name: it is longer than {LONGEST_DNS} characters.")
    if host.rpartition(".")[2].isdigit():
        raise BadName(f"{_short(value)} is not a DNS name: its last label is a number. For an address use IPAddress.")
    return wildcard + host


def display(name: Name) -> str:
    """For people: names with non-ASCII letters in both forms, so that look-alikes show; control characters escaped."""
    if name.type is NameType.DNS:
        readable = _u_labels(name.value)
        if readable != name.value:
            return f"{printable(readable)} ({printable(name.value)})"
    return printable(name.value)


def printable(value: str) -> str:
    """With whatever is invisible, breaks the line or turns the direction of writing written out as an escape."""
    return "".join(
        c if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" else ascii(c)[1:-1] for c in value
    )


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's DNS name is one for this host (RFC 9525, 6.3): a wildcard stands for one whole label."""
    presented, wanted = _comparable(pattern), _comparable(host)
    if not presented or not wanted:
        return False
    if presented == wanted:
        return True
    label, dot, parent = wanted.partition(".")
    return presented.startswith(_WILDCARD) and bool(label and dot) and not _is_ip(wanted) and presented[2:] == parent


def _a_labels(host: str, *, shown: str) -> str:
    # The length is looked at first: mapping a megabyte of composed characters takes minutes.
    if not 0 < len(host) <= LONGEST_DNS + len("."):
        problem = f"it is longer than {LONGEST_DNS} characters" if host else "it is empty"
        raise BadName(f"{_short(shown)} is not a DNS name: {problem}.")
    if "*" in host:
        raise BadName(
            f"{_short(shown)} is not a DNS name: a wildcard must be the whole left-most label, as in *.example.com."
        )
    if "_" in host:
        raise BadName(f"{_short(shown)} is not a DNS name of a host: it has an underscore.")
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode("ascii").lower().removesuffix(".")
    except (ValueError, IndexError) as error:
        raise BadName(f"{_short(shown)} is not a DNS name: {_sentence(error)}.") from error
    # RFC 1123, 2.1, which the library looks at in labels with other letters only.
    if any(label.startswith("-") or label.endswith("-") for label in name.split(".")):
        raise BadName(f"{_short(shown)} is not a DNS name: a label begins or ends with a hyphen.")
    return name


def _u_labels(value: str) -> str:
    wildcard = _WILDCARD if value.startswith(_WILDCARD) else ""
    try:
        return wildcard + idna.decode(value.removeprefix(_WILDCARD))
    except (ValueError, IndexError):
        return value


def _comparable(value: str) -> str:
    try:
        return normalise_dns(value)
    except BadName:
        return value.lower().removesuffix(".")


def _is_ip(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _parse_ip(value: str) -> str:
    if "%" in value:
        raise BadName(f"{_short(value)} is not an IP address for a certificate: leave the zone after % out.")
    try:
        return str(ip_address(value))
    except ValueError as error:
        raise BadName(f"{_short(value)} is not an IP address.") from error


def _parse_network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise BadName(f"{_short(value)} is not an IP network such as 192.0.2.0/24.") from error


def _parse_email(value: str) -> str:
    # Quoted local parts and non-ASCII ones (RFC 9598) are left out: hardly any software compares them rightly.
    local, at, domain = value.rpartition("@")
    if not at or len(local) > LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local):
        raise BadName(
            f"{_short(value)} is not an e-mail address such as name@example.com, in ASCII letters before the @."
        )
    host = normalise_dns(domain)
    if host.startswith(_WILDCARD):
        raise BadName(f"{_short(value)} is not an e-mail address: its domain is a wildcard.")
    if len(local) + 1 + len(host) > LONGEST_EMAIL:
        raise BadName(f"{_short(value)} is not an e-mail address: it is longer than {LONGEST_EMAIL} characters.")
    return f"{local}@{host}"


def _parse_uri(value: str) -> str:
    """RFC 5280, 4.2.1.6: absolute, and a host where there is an authority. Scheme and host become lower-case."""
    found = _URI.fullmatch(value) if len(value) <= LONGEST_URI else None
    if not found:
        raise BadName(
            f"{_short(value)} is not an absolute URI such as https://example.com/ (percent-encode other letters)."
        )
    scheme, rest = found[1].lower(), found[2]
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    authority = _AUTHORITY.match(rest)
    if not authority or not authority["host"]:
        raise BadName(f"{_short(value)} is not a URI for a certificate: it has // but no host after it.")
    host = _uri_host(authority["host"], shown=value)
    return f"{scheme}://{authority['user'] or ''}{host}{authority['port'] or ''}{rest[authority.end() :]}"


def _uri_host(host: str, *, shown: str) -> str:
    bare = host.removeprefix("[").removesuffix("]")
    if _is_ip(bare) and (":" in bare) == host.startswith("["):
        return host.lower()
    name = normalise_dns(host)
    if name.startswith(_WILDCARD):
        raise BadName(f"{_short(shown)} is not a URI for a certificate: its host is a wildcard.")
    return name


def _parse_oid(value: str) -> str:
    try:
        if _OID.fullmatch(value):
            return x509.ObjectIdentifier(value).dotted_string
    except ValueError:
        pass
    raise BadName(f"{_short(value)} is not a dotted object identifier such as 1.2.840.113549.")


def _parse_directory(value: str) -> str:
    try:
        name = x509.Name.from_rfc4514_string(value) if len(value) <= LONGEST_DIRECTORY else None
    except UNREADABLE as error:
        raise BadName(f"{_short(value)} is not a directory name such as CN=Name,O=Organisation,C=DE.") from error
    if not name:
        raise BadName(f"{_short(value)} is not a directory name: it is empty or too long.")
    return name.rfc4514_string()


def _short(value: str) -> str:
    """For messages: a hostile name is neither repeated at length nor able to break the line."""
    shown = printable(value[:80])
    return f'"{shown}…"' if len(value) > 80 else f'"{shown}"'


def _sentence(error: Exception) -> str:
    text = printable(str(error)).rstrip(".")
    return text[:1].lower() + text[1:200]


def _read_ip(g: x509.IPAddress) -> Name:
    # In an alternative name a mask makes no sense (RFC 5280, 4.2.1.6), but it is found.
    text = str(g.value)
    return Name(NameType.NETWORK if "/" in text else NameType.IP, text)


def _read_email(g: x509.RFC822Name) -> Name:
    local, at, domain = g.value.rpartition("@")
    return Name(NameType.EMAIL, local + at + domain.lower())


_READERS: Final[tuple[tuple[type[x509.GeneralName], Callable[..., Name]], ...]] = (
    (x509.DNSName, lambda g: Name(NameType.DNS, g.value.lower())),
    (x509.IPAddress, _read_ip),
    (x509.UniformResourceIdentifier, lambda g: Name(NameType.URI, g.value)),
    (x509.RFC822Name, _read_email),
    (x509.RegisteredID, lambda g: Name(NameType.REGISTERED_ID, g.value.dotted_string)),
    (x509.DirectoryName, lambda g: Name(NameType.DIRECTORY, g.value.rfc4514_string())),
    (x509.OtherName, lambda g: Name(NameType.OTHER, f"{g.type_id.dotted_string}:{g.value.hex()}")),
)
_PARSERS: Final[Mapping[NameType, Callable[[str], str]]] = {
    NameType.DNS: normalise_dns,
    NameType.IP: _parse_ip,
    NameType.NETWORK: _parse_network,
    NameType.URI: _parse_uri,
    NameType.EMAIL: _parse_email,
    NameType.REGISTERED_ID: _parse_oid,
    NameType.DIRECTORY: _parse_directory,
}
_WRITERS: Final[Mapping[NameType, Callable[[str], x509.GeneralName]]] = {
    NameType.DNS: x509.DNSName,
    NameType.IP: lambda value: x509.IPAddress(ip_address(value)),
    NameType.URI: x509.UniformResourceIdentifier,
    NameType.EMAIL: x509.RFC822Name,
    NameType.REGISTERED_ID: lambda value: x509.RegisteredID(x509.ObjectIdentifier(value)),
    NameType.DIRECTORY: lambda value: x509.DirectoryName(x509.Name.from_rfc4514_string(value)),
}
