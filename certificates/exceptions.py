"""The seed's module of this name: the errors that working with certificates can raise, under one roof."""

from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Precondition, Unavailable
from pki.errors import PkiError

__all__ = ["Conflict", "DomainError", "Forbidden", "Invalid", "NotFound", "PkiError", "Precondition", "Unavailable"]
