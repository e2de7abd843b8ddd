"""The seed's module of this name: the errors that working with certificates can raise, under one roof."""

from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Precondition, Unavailable
from pki.errors import PkiError

__all__ = [
    "Conflict",
    "CrlUnavailable",
    "DomainError",
    "Forbidden",
    "Invalid",
    "NoDistributionPoint",
    "NotFound",
    "PkiError",
    "Precondition",
    "Unavailable",
]


class NoDistributionPoint(Precondition):
    """The certificate names no place where a CRL of it could be."""

    title = "The certificate has no CRL distribution point."


class CrlUnavailable(Unavailable):
    """A CRL that the certificate names could not be had."""
