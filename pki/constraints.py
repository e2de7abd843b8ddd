"""Name constraints (RFC 5280, 4.2.1.10): may this authority certify these names?"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import subjects
from pki.errors import BadChain
from pki.extensions import find

_UNDERSTOOD: Final = (
    x509.DNSName,
    x509.RFC822Name,
    x509.UniformResourceIdentifier,
    x509.IPAddress,
    x509.DirectoryName,
)


def check(names: Iterable[x509.GeneralName], constraints: x509.NameConstraints) -> None:
    """BadChain names the first of the names that is excluded, or not permitted where its type is constrained."""
    permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
    for name in names:
        kind = type(name)
        allowed = [tree for tree in permitted if isinstance(tree, kind)]
        denied = [tree for tree in excluded if isinstance(tree, kind)]
        if (allowed or denied) and kind not in _UNDERSTOOD:
            raise BadChain(f"A name constraint of the chain is of a kind that is not understood: {kind.__name__}.")
        if any(_is_within(name, tree, excluding=True) for tree in denied):
            raise BadChain(f"A name constraint of the chain excludes {name.value}.")
        if allowed and not any(_is_within(name, tree, excluding=False) for tree in allowed):
            raise BadChain(f"The name constraints of the chain do not permit {name.value}.")


def names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """All that constraints apply to: the subject, the e-mail addresses in it, the alternative names."""
    found: list[x509.GeneralName] = [x509.DirectoryName(certificate.subject)] if certificate.subject.rdns else []
    addresses = certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    found += [x509.RFC822Name(one.value) for one in addresses if isinstance(one.value, str)]
    return [*found, *(find(certificate, x509.SubjectAlternativeName) or ())]


def _is_within(name: x509.GeneralName, tree: x509.GeneralName, *, excluding: bool) -> bool:
    """What cannot be told counts as within when excluding, and as outside when permitting."""
    match name, tree:
        case x509.DNSName(), x509.DNSName():
            return _is_dns_within(_host(name.value), tree.value.lower(), excluding=excluding)
        case x509.RFC822Name(), x509.RFC822Name():
            return _is_mail_within(name.value, tree.value)
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            host = _host_of_url(name.value)
            return _is_host_within(host, tree.value.lower()) if host else excluding
        case x509.IPAddress(), x509.IPAddress():
            return isinstance(tree.value, IPv4Network | IPv6Network) and name.value in tree.value
        case x509.DirectoryName(), x509.DirectoryName():
            inner, outer = subjects.comparable(name.value), subjects.comparable(tree.value)
            return inner[: len(outer)] == outer
    return excluding


def _is_dns_within(host: str, tree: str, *, excluding: bool) -> bool:
    suffix = tree.removeprefix(".")
    # A wildcard also stands for the name that is excluded.
    covers = excluding and host.startswith("*.") and "." in suffix and suffix.split(".", 1)[1] == host[2:]
    is_itself = host == suffix and (excluding or not tree.startswith("."))
    return not suffix or covers or is_itself or host.endswith(f".{suffix}")


def _is_mail_within(address: str, tree: str) -> bool:
    if "@" in tree:
        wanted, found = tree.rsplit("@", 1), address.rsplit("@", 1)
        return wanted[0] == found[0] and wanted[-1].lower() == found[-1].lower()
    return _is_host_within(_host(address.rpartition("@")[2]), tree.lower())


def _is_host_within(host: str, tree: str) -> bool:
    return host.endswith(tree) if tree.startswith(".") else host == tree


def _host(text: str) -> str:
    return text.lower().rstrip(".")


def _host_of_url(url: str) -> str:
    """ "" where there is none that a constraint could apply to, such as an IP address."""
    try:
        host = _host(urlsplit(url).hostname or "")
    except ValueError:
        return ""
    return "" if ":" in host or host.replace(".", "").isdigit() else host
