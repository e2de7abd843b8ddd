"""The errors of `pki`: one clear sentence each, and the field it is about when that is known."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import DuplicateExtension, InvalidVersion, UnsupportedGeneralNameType


class PkiError(ValueError):
    """Base of all errors of this package.

    `message` is one sentence for the person who sent the input; `field` the dotted snake_case path of what is wrong
    ("extensions.sub_alt_names.names"), or "" when the caller knows better.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class BadCertificate(PkiError):
    """Not a certificate, not exactly one, or one whose content cannot be read."""


class BadRequest(PkiError):
    """Not a certificate signing request, or one whose own signature is wrong."""


class BadQuestion(PkiError):
    """Not an OCSP request, or one that is not answered here."""


class BadKey(PkiError):
    """Not a private key, or a kind of key that cannot be used here."""


class WeakKey(BadKey):
    """A key that is too small, badly made, or known to be compromised."""


class BadName(PkiError):
    """A subject alternative name that breaks the rules of its type."""


class BadSubject(PkiError):
    """A subject attribute that cannot stand in a certificate."""


class BadExtension(PkiError):
    """An extension that cannot be read or written."""


class BadChain(PkiError):
    """Certificates that do not form the chain they should."""


class BadContainer(PkiError):
    """A PKCS#12, PKCS#7 or PEM bundle that cannot be read or made."""


class BadValidity(PkiError):
    """A validity that its issuer, its profile or the calendar forbids."""


class BadWindow(PkiError):
    """Not hours of the week as people write them."""


class NotAllowed(PkiError):
    """Asked for something the profile does not allow."""


class BadAnswer(PkiError):
    """An OCSP answer or a CRL that proves nothing: not readable, forged, or from somebody who may not give it."""


class SealError(PkiError):
    """A sealed secret that does not open."""


# What `cryptography` raises when a lazily parsed part of a certificate or request turns out to be broken.
UNREADABLE: Final[tuple[type[Exception], ...]] = (
    ValueError,
    TypeError,
    KeyError,
    ArithmeticError,
    NotImplementedError,
    InvalidSignature,
    UnsupportedAlgorithm,
    DuplicateExtension,
    InvalidVersion,
    UnsupportedGeneralNameType,
)
