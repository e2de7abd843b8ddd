"""The rows of this app, and the seed's helpers about names and replacement."""

from certificates.models.certificate import Certificate, CertificateQuerySet
from certificates.models.domain import CertificateDomain, Domain
from certificates.models.naming import get_or_increase_name, get_sequence, update_replacement
from certificates.models.order import Order

__all__ = [
    "Certificate",
    "CertificateDomain",
    "CertificateQuerySet",
    "Domain",
    "Order",
    "get_or_increase_name",
    "get_sequence",
    "update_replacement",
]
