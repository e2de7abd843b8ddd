"""Certificate signing requests (PKCS#10, RFC 2986): build our own, read those of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import extensions as typed
from pki import keys, names
from pki import pem as pem_text
from pki.errors import UNREADABLE, BadRequest, PkiError
from pki.extensions import Extensions
from pki.keys import PrivateKey, PublicKey

FIELD: Final = "csr"

LONGEST: Final = 1024 * 1024
"""Bytes of PEM. The largest honest ones, an ML-DSA key and a thousand names, have a third of it."""

_LABELS: Final = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_INVALID: Final = "CSR presented is not valid."


@dataclass(frozen=True)
class Request:
    """What a request asks for, all of it read and its own signature verified; nothing of it is yet allowed.

    `pem` is re-encoded without anything around the block. Names are in their normal form, so that rules about them see
    what would be issued. `subject` may hold attributes, and `extensions` values, that `profiles.check` refuses.
    """

    pem: str
    subject: x509.Name
    extensions: Extensions
    public_key: PublicKey
    key_type: str | None


def build(subject: x509.Name, extensions: Extensions, key: PrivateKey) -> str:
    """PEM, signed with `keys.hash_for(key)`. BadExtension and BadName for extensions that cannot be written."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    try:
        for extension, critical in typed.write(extensions, subject_empty=not list(subject)):
            builder = builder.add_extension(extension, critical)
        return _pem(builder.sign(key, keys.hash_for(key)))
    except PkiError:
        raise
    except UNREADABLE as error:
        raise BadRequest(f"The CSR cannot be made: {error}.", field=FIELD) from error


def read(pem: str | bytes) -> Request:
    """Exactly one request in PEM form, with comments around it at most. BadRequest says what is wrong."""
    block = _only_block(pem_text.as_bytes(pem))
    try:
        csr = x509.load_pem_x509_csr(block.text)
        request = _everything(csr)
        verified = csr.is_signature_valid
    except PkiError as error:
        raise BadRequest(f"{_INVALID} {error.message}", field=FIELD) from error
    except UNREADABLE as error:
        raise BadRequest(_INVALID, field=FIELD) from error
    if not verified:
        raise BadRequest(
            "The CSR's own signature does not verify: make it again, signed with the key it is for.", field=FIELD
        )
    return request


def _everything(csr: x509.CertificateSigningRequest) -> Request:
    public_key = csr.public_key()
    list(csr.attributes)
    asked = typed.read(csr.extensions)
    return Request(
        pem=_pem(csr),
        subject=csr.subject,
        extensions=replace(asked, names=tuple(map(names.normalised, asked.names))),
        public_key=public_key,
        key_type=keys.key_type(public_key),
    )


def _only_block(text: bytes) -> pem_text.Block:
    if len(text) > LONGEST:
        raise BadRequest(f"The CSR is longer than {LONGEST} bytes.", field=FIELD)
    try:
        found = pem_text.blocks(text)
    except PkiError as error:
        raise BadRequest(f"{_INVALID} {error.message}", field=FIELD) from error
    if not found:
        raise BadRequest(_INVALID, field=FIELD)
    strange = next((block.label for block in found if block.label not in _LABELS), None)
    if strange:
        raise BadRequest(f"Expected a CSR alone, but the text holds a block {strange!r}.", field=FIELD)
    if len(found) != 1:
        raise BadRequest(f"Expected exactly one CSR, but the text holds {len(found)}.", field=FIELD)
    return found[0]


def _pem(csr: x509.CertificateSigningRequest) -> str:
    return csr.public_bytes(Encoding.PEM).decode("ascii")
