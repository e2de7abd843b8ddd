"""Files that hold several things: PEM bundles, PKCS#7 and PKCS#12, written and read."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization import pkcs7 as pkcs7_files
from cryptography.hazmat.primitives.serialization import pkcs12 as pkcs12_files
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES

from pki import chains, encrypted, inspection, keys, pem, signatures
from pki.errors import UNREADABLE, BadContainer, PkiError
from pki.keys import PrivateKey

# Windows and NSS write such files.
warnings.filterwarnings("ignore", r"PKCS#(7|12) .*could not be parsed as DER", UserWarning)

MOST_CERTIFICATES: Final = 50
"""More than any chain needs, and few enough to look for the order of."""

_MODERN: Final = (PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256())
_LEGACY: Final = (PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1())  # noqa: S303  what old Java and Windows read
_PKCS7_LABELS: Final = frozenset({"PKCS7", "CMS"})
_PASSPHRASE: Final = "passphrase"  # noqa: S105  the name of a field


@dataclass(frozen=True)
class Held:
    """What a file or a block of one holds, in its order; `work` is how many iterations it took to open."""

    certificates: tuple[x509.Certificate, ...] = ()
    keys: tuple[PrivateKey, ...] = field(default=(), repr=False)
    work: int = 0


@dataclass(frozen=True)
class Contents:
    """What a file held. `chain` goes from the certificate's issuer up to a root, as far as the file had them."""

    key: PrivateKey | None = field(repr=False)
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]


def pem_bundle(
    certificate: x509.Certificate,
    chain: Iterable[x509.Certificate],
    *,
    key: PrivateKey | None = None,
    root: bool = False,
) -> bytes:
    """Certificate, chain, then the key, as servers read them. Without `root` self-signed issuers are left out."""
    issuers = list(chain) if root else chains.without_root(chain)
    text = "".join(inspection.pem(one) for one in (certificate, *issuers))
    return (text + (keys.private_key_pem(key) if key else "")).encode("ascii")


def pem_backup(
    certificate: x509.Certificate, chain: Iterable[x509.Certificate], key: PrivateKey, passphrase: str
) -> bytes:
    """Certificate, whole chain and the key, encrypted under the passphrase (PKCS#8), for kinds no PKCS#12 holds too."""
    secret = _octets(passphrase)
    if not secret:
        raise BadContainer("A backup needs a passphrase.", field=_PASSPHRASE)
    try:
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret))
    except UNREADABLE as error:
        raise BadContainer(f"The private key cannot be written: {error}.") from error
    return pem_bundle(certificate, chain, root=True) + sealed


def pkcs7(certificates: Sequence[x509.Certificate], *, der: bool) -> bytes:
    """A PKCS#7 of certificates alone ("degenerate"), as `.p7b` in DER or PEM."""
    try:
        return pkcs7_files.serialize_certificates(list(certificates), Encoding.DER if der else Encoding.PEM)
    except UNREADABLE as error:
        raise BadContainer(f"The PKCS#7 cannot be written: {error}.") from error


def pkcs12(
    name: str,
    key: PrivateKey | None,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    passphrase: str,
    *,
    legacy: bool = False,
) -> bytes:
    """A PKCS#12 under PBES2 with AES-256 and SHA-256; `legacy`: 3DES and SHA-1, for what reads nothing newer."""
    secret = _octets(passphrase)
    if not secret:
        raise BadContainer("A PKCS#12 needs a passphrase.", field=_PASSPHRASE)
    algorithm, digest = _LEGACY if legacy else _MODERN
    try:
        encryption = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(algorithm).hmac_hash(digest)
        return pkcs12_files.serialize_key_and_certificates(
            name.encode() or None,
            key,  # type: ignore[arg-type]  # kinds it does not take raise TypeError
            certificate,
            list(chain),
            encryption.build(secret),
        )
    except TypeError as error:
        raise BadContainer(f"PKCS#12 cannot hold a key of kind {_kind_of(key)}; export it as PEM.") from error
    except UNREADABLE as error:
        raise BadContainer(f"The PKCS#12 cannot be written: {error}.") from error


def read_pkcs12(data: bytes, passphrase: str | None) -> Contents:
    """What a PKCS#12 holds."""
    return _contents_of(_open_pkcs12(data, passphrase))


def _open_pkcs12(data: bytes, passphrase: str | None) -> Held:
    """The file itself says how long its key derivation takes: what can be seen of that is judged first."""
    from pki import pfx  # noqa: PLC0415  half a second to import, and few bring such files

    secret = _octets(passphrase)
    work = pfx.refuse_costly(data)
    try:
        found = pkcs12_files.load_pkcs12(data, secret)
    except UNREADABLE as error:
        raise BadContainer("The PKCS#12 does not open: not a PKCS#12 file, or another passphrase.") from error
    if found.key is not None and not isinstance(found.key, get_args(PrivateKey)):
        raise BadContainer("The PKCS#12 holds a key that cannot sign.")
    first = [found.cert.certificate] if found.cert else []
    held = (*first, *(one.certificate for one in found.additional_certs))
    return Held(held, (found.key,) if found.key is not None else (), work)


def read_any(data: bytes, passphrase: str | None = None) -> Contents:
    """PEM (certificates, PKCS#7, one key), or the DER of a certificate, a PKCS#7 or a PKCS#12, whatever its name."""
    if pem.looks_like_pem(data):
        return _read_pem(data, passphrase)
    return _contents_of(read_der(data, passphrase))


def read_der(data: bytes, passphrase: str | None) -> Held:
    """A certificate, a PKCS#7 or a PKCS#12, by how it begins."""
    match _second_tag(data):
        case 0x02:  # the version a PKCS#12 begins with
            return _open_pkcs12(data, passphrase)
        case 0x06:  # the content type a PKCS#7 begins with
            return Held(tuple(_pkcs7_certificates(data)))
        case 0x30:
            return Held((inspection.load_der(data),))
        case _:
            raise BadContainer("Neither PEM nor the DER of a certificate, a PKCS#7 or a PKCS#12.")


def read_block(block: pem.Block, passphrase: str | None, *, proven: bool = True) -> Held:
    """One block of PEM; of other things than certificates, PKCS#7 and private keys, nothing. `proven`: see pki.keys."""
    if block.is_certificate:
        return Held((inspection.load_block(block),))
    if block.label in _PKCS7_LABELS:
        return Held(tuple(_pkcs7_certificates(block.text)))
    if not block.is_private_key:
        return Held()
    secret = _octets(passphrase) if b"ENCRYPTED" in block.text else None
    key = keys.load_private_key(block.text, passphrase=secret, proven=proven)
    return Held(keys=(key,), work=_work_of(block) if secret else 0)


def _read_pem(data: bytes, passphrase: str | None) -> Contents:
    certificates: list[x509.Certificate] = []
    key: PrivateKey | None = None
    for block in _blocks(data):
        if block.is_private_key and key is not None:
            raise BadContainer("The file holds more than one private key.")
        held = read_block(block, passphrase)
        certificates.extend(held.certificates)
        key = next(iter(held.keys), key)
    return _contents(certificates, key)


def _work_of(block: pem.Block) -> int:
    try:
        return encrypted.iterations(block.content)
    except ValueError:
        return 0  # of the old form, which has its own two lines, and takes one


def _contents_of(held: Held) -> Contents:
    return _contents(held.certificates, next(iter(held.keys), None))


def _contents(certificates: Sequence[x509.Certificate], key: PrivateKey | None) -> Contents:
    if len(certificates) > MOST_CERTIFICATES:
        raise BadContainer(f"The file holds {len(certificates)} certificates; at most {MOST_CERTIFICATES} are taken.")
    if not certificates and key is None:
        raise BadContainer("The file holds neither a certificate nor a key.")
    for certificate in certificates:
        inspection.facts(certificate)
    leaf = _leaf(certificates, key)
    chain = chains.order(leaf, certificates) if leaf else []
    return Contents(key=key, certificate=leaf, chain=tuple(chain))


def _leaf(certificates: Sequence[x509.Certificate], key: PrivateKey | None) -> x509.Certificate | None:
    """The key's certificate; without a key the first that issued none of the others (a PKCS#7 has no order)."""
    if key is not None:
        fitting = [one for one in certificates if _belongs(key, one)]
        if certificates and not fitting:
            raise BadContainer("The private key belongs to none of the certificates in the file.")
        return fitting[0] if fitting else None
    issuers = {one.issuer for one in certificates if one.issuer != one.subject}
    return next((one for one in certificates if one.subject not in issuers), next(iter(certificates), None))


def _belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    public_key = signatures.public_key_of(certificate)
    return public_key is not None and keys.belongs(key, public_key)


def _blocks(data: bytes) -> list[pem.Block]:
    try:
        return pem.blocks(data)
    except PkiError as error:
        raise BadContainer(error.message) from error


def _pkcs7_certificates(data: bytes) -> list[x509.Certificate]:
    try:
        if pem.looks_like_pem(data):
            return pkcs7_files.load_pem_pkcs7_certificates(data)
        return pkcs7_files.load_der_pkcs7_certificates(data)
    except UNREADABLE as error:
        raise BadContainer(f"The PKCS#7 cannot be read: {error}.") from error


def _octets(passphrase: str | None) -> bytes | None:
    """None for an empty one. The library panics at a NUL when it reads, and nothing else would open what it writes."""
    try:
        secret = (passphrase or "").encode()
    except UnicodeEncodeError as error:
        raise BadContainer("The passphrase holds characters that have no UTF-8 form.", field=_PASSPHRASE) from error
    if b"\0" in secret:
        raise BadContainer("The passphrase must not hold a NUL character.", field=_PASSPHRASE)
    return secret or None


def _second_tag(der: bytes) -> int:
    """The tag of the first thing inside the outer SEQUENCE; -1 if there is none."""
    if len(der) < 2 or der[0] != 0x30:
        return -1
    octets_of_length = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + octets_of_length] if len(der) > 2 + octets_of_length else -1


def _kind_of(key: PrivateKey | None) -> str:
    return (key and keys.key_type(key.public_key())) or type(key).__name__
