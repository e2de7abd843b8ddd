"""The rows of this app, and the seed's helpers about names and replacement."""

from certificates.models.batch import Batch, BatchItem
from certificates.models.certificate import Certificate
from certificates.models.deployment import Deployment
from certificates.models.domain import CertificateDomain, Domain
from certificates.models.naming import get_or_increase_name, get_sequence, update_destinations, update_replacement
from certificates.models.order import Order
from certificates.models.questions import CertificateQuerySet
from certificates.models.revocation import Revocation
from certificates.models.rotation import RotationPolicy
from certificates.models.suggestion import Suggestion
from certificates.models.tag import Tag

__all__ = [
    "Batch",
    "BatchItem",
    "Certificate",
    "CertificateDomain",
    "CertificateQuerySet",
    "Deployment",
    "Domain",
    "Order",
    "Revocation",
    "RotationPolicy",
    "Suggestion",
    "Tag",
    "get_or_increase_name",
    "get_sequence",
    "update_destinations",
    "update_replacement",
]
