"""What a certificate says of its issuer's key and lists, as text: everything that may stand there (RFC 5280, 4.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from cryptography import x509

from pki import names

_T = TypeVar("_T", bound=x509.ExtensionType)


def crl_points(found: x509.Extensions) -> tuple[str, ...]:
    """Each distribution point: its addresses, and in brackets what limits it, reasons and another CRL issuer."""
    points = _value(found, x509.CRLDistributionPoints)
    return tuple(map(_point, points)) if points is not None else ()


def authority_key_issuer(found: x509.Extensions) -> str:
    """Issuer and serial number of the issuer's certificate, where its key is said to be that one's; else ""."""
    key = _value(found, x509.AuthorityKeyIdentifier)
    if key is None or key.authority_cert_serial_number is None:
        return ""
    return f"{', '.join(_texts(key.authority_cert_issuer or ()))}, serial number {key.authority_cert_serial_number:X}"


def _value(found: x509.Extensions, kind: type[_T]) -> _T | None:
    try:
        return found.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _point(point: x509.DistributionPoint) -> str:
    where = ", ".join(_texts(point.full_name or ()))
    if point.relative_name is not None:
        where = f"{point.relative_name.rfc4514_string()} below the name of the CRL's issuer"
    limits = "; ".join(_limits(point))
    return f"{where} ({limits})".strip() if limits else where


def _limits(point: x509.DistributionPoint) -> Iterator[str]:
    if point.reasons is not None:
        yield f"only {', '.join(reason.value for reason in x509.ReasonFlags if reason in point.reasons) or 'no reason'}"
    if point.crl_issuer is not None:
        yield f"issued by {', '.join(_texts(point.crl_issuer))}"


def _texts(found: Iterable[x509.GeneralName]) -> Iterator[str]:
    return (names.from_general_name(name).value for name in found)
