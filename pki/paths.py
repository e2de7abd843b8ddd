"""Is a chain one that RFC 5280, section 6.1, lets a certificate be believed by?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from pki import chains, constraints, signatures, subjects
from pki.errors import UNREADABLE, BadChain, PkiError
from pki.extensions import find
from pki.policies import Policies

_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.FRESHEST_CRL,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.OCSP_NO_CHECK,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.TLS_FEATURE,
    }
)


def validate(certificate: x509.Certificate, chain: Sequence[x509.Certificate], *, now: datetime) -> None:
    """BadChain says which certificate is wrong in what, unless the certificate can be believed at `now`.

    The direct issuer comes first in the chain; its last certificate is trusted, so that its own signature and policies
    do not matter, but all it says about those below. Any policy will do; usages and names are the caller's business,
    and so is revocation (`pki.revocation`).
    """
    if not chain:
        raise BadChain("There is no chain to validate the certificate by.", field="chain")
    path = [certificate, *chain]
    for position, one in enumerate(path):
        try:
            _check_one(one, now, is_anchor=position == len(chain))
            if position:
                _check_issuer(one, path[:position])
                _check_link(path[position - 1], one)
        except PkiError:
            raise
        except UNREADABLE as error:
            raise _bad(one, f"cannot be read: {error}") from error
    _check_policies(path)


def _check_one(certificate: x509.Certificate, now: datetime, *, is_anchor: bool) -> None:
    if now < certificate.not_valid_before_utc:
        raise _bad(certificate, f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC")
    if now > certificate.not_valid_after_utc:
        raise _bad(certificate, f"has expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _bad(certificate, f"has a critical extension that is unknown: {extension.oid.dotted_string}")
    if not is_anchor and (digest := _digest(certificate)) in signatures.FORGEABLE:
        raise _bad(certificate, f"is signed with {digest}, which can be forged")


def _check_issuer(issuer: x509.Certificate, below: Sequence[x509.Certificate]) -> None:
    """May it certify those below it, which go up from the leaf?"""
    usage = find(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise _bad(issuer, "may not sign certificates by its key usage")
    basic = find(issuer, x509.BasicConstraints)
    if not (basic.ca if basic else _is_old_root(issuer)):
        raise _bad(issuer, "is not the certificate of an authority")
    between = sum(not _is_self_issued(one) for one in below[1:])
    if basic and basic.path_length is not None and between > basic.path_length:
        raise _bad(issuer, f"allows {basic.path_length} authorities below it, and there are {between}")
    limits = find(issuer, x509.NameConstraints)
    for position, one in enumerate(below):
        if limits and not (position and _is_self_issued(one)):
            constraints.check(constraints.names_of(one), limits)


def _check_link(child: x509.Certificate, issuer: x509.Certificate) -> None:
    if not subjects.are_same(child.issuer, issuer.subject):
        raise _bad(child, f"names another issuer than '{chains.label(issuer)}'")
    verdict = chains.is_signed_by(child, issuer)
    if verdict is None:
        raise _bad(child, "is signed by an algorithm that cannot be checked")
    if not verdict:
        raise _bad(child, f"is not signed by '{chains.label(issuer)}'")


def _check_policies(path: Sequence[x509.Certificate]) -> None:
    policies = Policies(len(path) - 1)
    for one in path[-2::-1]:
        try:
            policies.follow(one, is_last=one is path[0])
        except PkiError:
            raise
        except UNREADABLE as error:
            raise _bad(one, f"cannot be read: {error}") from error


def _is_old_root(certificate: x509.Certificate) -> bool:
    """Before version 3 there was no extension to say that it is an authority."""
    return certificate.version is x509.Version.v1 and signatures.is_self_signed(certificate)


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return subjects.are_same(certificate.subject, certificate.issuer)


def _digest(certificate: x509.Certificate) -> str:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return digest.name if digest else ""


def _bad(certificate: x509.Certificate, what: str) -> BadChain:
    return BadChain(f"'{chains.label(certificate)}' {what}.", field="chain")
