"""Which files web servers read of a certificate, and what is called how."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography import x509

from pki import chains, containers, inspection
from pki.errors import PkiError
from pki.keys import private_key_pem
from plugins.errors import Permanent, refusing
from plugins.values import Bundle

ExportFormat = Literal["NGINX", "Apache", "HAProxy"]
FORMATS: Final = (
    "NGINX: certificate and chain in one file, the key in another. Apache: the chain in a file of its own. "
    "HAProxy: everything in one file."
)
PUBLIC, SECRET = 0o644, 0o600
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,229}")
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class File:
    """What shall be in a file, and who may read it."""

    data: bytes = field(repr=False)
    mode: int = PUBLIC


def names(name: str) -> list[str]:
    """Every file that may be ours under this name, the certificate's last. Permanent if it is no name for a file."""
    if not _NAME.fullmatch(name):
        raise Permanent(f"'{name[:100]}' cannot be the name of a file.")
    return [f"{name}.key", f"{name}.ca.bundle.pem", f"{name}.pem"]


def files(bundle: Bundle, layout: ExportFormat, *, slug: str) -> Mapping[str, File]:
    """By name. The root stays out: whoever trusts it has it already."""
    key_file, chain_file, certificate_file = names(bundle.name)
    if bundle.private_key is None:
        raise Permanent(f"'{bundle.name}' cannot be delivered to {slug} without its private key.")
    leaf, issuers = bundle.certificate, chains.without_root(bundle.chain)
    with refusing(f"'{bundle.name}' cannot be written as PEM"):
        if layout == "HAProxy":
            return {certificate_file: File(containers.pem_bundle(leaf, issuers, key=bundle.private_key), SECRET)}
        written = {key_file: File(private_key_pem(bundle.private_key).encode(), SECRET)}
        if layout == "NGINX":
            return written | {certificate_file: _public(leaf, *issuers)}
        if issuers:
            written[chain_file] = _public(*issuers)
        return written | {certificate_file: _public(leaf)}


def _public(*certificates: x509.Certificate) -> File:
    return File("".join(map(inspection.pem, certificates)).encode())


def found(data: bytes) -> File:
    """A file that somebody else has written."""
    return File(data, SECRET if b"PRIVATE KEY-----" in data else PUBLIC)


def certificate_in(data: bytes) -> x509.Certificate | None:
    """The first certificate in a file that anybody may have written, whatever stands before and behind it, if any."""
    block = _CERTIFICATE.search(data)
    try:
        return inspection.load(block[0]) if block else None
    except PkiError:
        return None


def fingerprint_in(data: bytes) -> str:
    """The fingerprint of the first certificate in a file of ours; "" if there is none, or the file is not whole."""
    try:
        found: Sequence[x509.Certificate] = chains.split(_without_key(data), limit=containers.MOST_CERTIFICATES)
    except PkiError:
        return ""
    return inspection.fingerprint(found[0]) if found else ""


def _without_key(data: bytes) -> bytes:
    """What stands before the private key."""
    return re.split(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", data, maxsplit=1)[0]
