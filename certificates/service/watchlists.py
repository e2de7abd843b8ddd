"""What an operator looks after in lists: certificates that are served and do not renew themselves, and the like.

The functions are Lemur's (contract 6.14). Every answer is lazy and newest first: iterate over it, or narrow it further.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now as clock

from authorities.models import Authority
from certificates.models import Certificate, CertificateDomain, CertificateQuerySet, Deployment
from certificates.models.certificate import Status


def get_issued_cert_count_for_authority(authority: Authority) -> int:
    """How many certificates it has issued, whatever became of them."""
    return Certificate.objects.filter(authority=authority).count()


def get_all_certs_attached_to_endpoint_without_autorotate() -> CertificateQuerySet:
    """Served by an endpoint and not replaced, and nobody has asked that they renew themselves."""
    return _unexpired().unreplaced().filter(rotation=False, pk__in=_served())


def get_all_certs_attached_to_destination_without_autorotate(plugin_name: str | None = None) -> CertificateQuerySet:
    """The same of those at a destination, or at one of this plugin."""
    places = Deployment.objects.filter(certificate=OuterRef("pk"))
    if plugin_name:
        places = places.filter(destination__plugin=plugin_name)
    return _unexpired().unreplaced().filter(Exists(places), rotation=False)


def get_all_certs_not_attached_to_endpoint_with_autorotate() -> CertificateQuerySet:
    """They renew themselves, though no endpoint serves them."""
    return _unexpired().filter(rotation=True).exclude(pk__in=_served())


def list_recent_valid_certs_issued_by_authority(
    authority_ids: Iterable[int], days_since_issuance: int | None = None
) -> CertificateQuerySet:
    """Neither over nor revoked, of these authorities; with a number of days, known for at most so many."""
    rows = _unexpired().filter(authority__in=list(authority_ids))
    if days_since_issuance is None:
        return rows
    return rows.filter(date_created__gte=clock() - timedelta(days=days_since_issuance))


def get_certificates_with_same_cn_with_rotate_on(cn: str, date_created: datetime) -> CertificateQuerySet:
    """Those of this common name and of that day (UTC) that renew themselves and are not replaced."""
    day = date_created.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    that_day = Q(date_created__gte=day, date_created__lt=day + timedelta(days=1))
    return _unexpired().unreplaced().filter(that_day, cn=cn, rotation=True)


def get_expiring_deployed_certificates() -> CertificateQuerySet:
    """Over within LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS, and last seen served at a port of one of their names."""
    seen = CertificateDomain.objects.filter(certificate=OuterRef("pk")).exclude(ports=[])
    soon = clock() + timedelta(days=settings.LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS)
    return _unexpired().filter(Exists(seen), not_after__lte=soon)


def _served() -> CertificateQuerySet:
    return Certificate.objects.filter(endpoints__isnull=False).order_by().values("pk")  # type: ignore[return-value]


def _unexpired() -> CertificateQuerySet:
    """Not over and not revoked; those that are not valid yet are among them."""
    return Certificate.objects.present().filter(not_after__gte=clock()).exclude(status=Status.REVOKED)
