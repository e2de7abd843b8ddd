"""Chains: cutting bundles into certificates, who signed whom, and the path from a leaf to its root."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import inspection, pem, signatures, subjects
from pki.errors import UNREADABLE, BadChain, PkiError


def split(text: str | bytes, *, limit: int) -> list[x509.Certificate]:
    """The certificates of a PEM bundle in their order, each read through; text between them is ignored.

    BadChain (field "chain") says which one is wrong; blank text is an empty chain.
    """
    data = pem.as_bytes(text)
    if not data.strip():
        return []
    try:
        blocks = pem.blocks(data)
    except PkiError as error:
        raise _invalid(error.message) from error
    if not blocks:
        raise _invalid('There is no line "-----BEGIN CERTIFICATE-----".')
    if len(blocks) > limit:
        raise BadChain(f"The chain holds {len(blocks)} certificates; at most {limit} are taken.", field="chain")
    return [_certificate(block, position) for position, block in enumerate(blocks, start=1)]


@lru_cache(maxsize=1024)
def is_signed_by(child: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """By the signature alone, whatever the names say; None when the library cannot check this algorithm.

    Remembered by the bytes of the two: the links of an authority are looked at with each certificate it issues.
    """
    try:
        key = signatures.public_key_of(issuer)
    except UNREADABLE:
        return False
    return None if key is None else signatures.is_signed_with(child, key)


def verify(leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
    """Each certificate signed by the next, from the leaf on; links that cannot be checked are passed over."""
    for child, issuer in zip((leaf, *chain), chain, strict=False):
        if is_signed_by(child, issuer) is False:
            raise BadChain(
                f"Incorrect chain certificate(s) provided: '{label(child)}' is not signed by '{label(issuer)}'",
                field="chain",
            )


def issuer_of(certificate: x509.Certificate, pool: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The best of `issuers_of`; a self-signed certificate is its own."""
    return next(iter(issuers_of(certificate, pool)), None)


def issuers_of(certificate: x509.Certificate, pool: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Those bearing the issuer's name that signed it, or may have: checked ones first, then the longest valid."""
    name = _name(certificate, issuer=True)
    verdicts = [(is_signed_by(certificate, other), other) for other in pool if _name(other) == name]
    candidates = [(verdict, other) for verdict, other in verdicts if verdict is not False]
    candidates.sort(key=lambda candidate: (candidate[0] is None, -candidate[1].not_valid_after_utc.timestamp()))
    return [other for _, other in candidates]


def order(leaf: x509.Certificate, pool: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """The shortest path from the leaf's issuer to a root among an unordered pool, without the leaf."""
    candidates = list(pool)
    return path(leaf, lambda certificate: issuers_of(certificate, candidates))


def path(
    leaf: x509.Certificate, issuers: Callable[[x509.Certificate], Iterable[x509.Certificate]]
) -> list[x509.Certificate]:
    """The same, to whom `issuers` says who may have signed a certificate, the best first.

    Where no root is found the path goes as far as it can. Each certificate is visited once, so that loops of
    cross-signed ones end.
    """
    child_of: dict[x509.Certificate, x509.Certificate | None] = {leaf: None}
    waiting = deque([leaf])
    last = leaf
    while waiting:
        last = waiting.popleft()
        if signatures.is_self_signed(last):
            break
        for issuer in issuers(last):
            if issuer not in child_of:
                child_of[issuer] = last
                waiting.append(issuer)
    return _path_to(last, child_of)


def without_root(chain: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return [certificate for certificate in chain if not signatures.is_self_signed(certificate)]


def label(certificate: x509.Certificate) -> str:
    """What to call it in a message: its common name, else its whole subject, else its serial number."""
    name = _name(certificate)
    serial = f"serial {inspection.serial_hex(certificate.serial_number)}"
    return subjects.first(name, NameOID.COMMON_NAME) or subjects.rfc4514(name) or serial


def _path_to(
    last: x509.Certificate, child_of: dict[x509.Certificate, x509.Certificate | None]
) -> list[x509.Certificate]:
    path: list[x509.Certificate] = []
    step: x509.Certificate | None = last
    while step is not None:
        path.append(step)
        step = child_of[step]
    return path[-2::-1]


def _name(certificate: x509.Certificate, *, issuer: bool = False) -> x509.Name:
    try:
        return certificate.issuer if issuer else certificate.subject
    except UNREADABLE as error:
        raise BadChain(f"A certificate of the chain has a name that cannot be read: {error}.", field="chain") from error


def _certificate(block: pem.Block, position: int) -> x509.Certificate:
    if not block.is_certificate:
        raise _invalid(f"Number {position} is a {block.label}.")
    try:
        certificate = inspection.load_block(block)
        inspection.facts(certificate)
    except PkiError as error:
        raise _invalid(f"Number {position}: {error.message}") from error
    return certificate


def _invalid(reason: str) -> BadChain:
    return BadChain(f"Invalid certificate in certificate chain. {reason}", field="chain")
