"""A revocation: that the authority shall declare a certificate void."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from authorities import ledger
from authorities.models import Authority
from certificates.models.certificate import Certificate, CertificateQuerySet
from core.jobs import Job

# CRLReasons by their names (RFC 5280 5.3.1), in Lemur's order.
REASONS = (
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "certificateHold", "removeFromCRL", "privilegeWithdrawn", "aACompromise",
)  # fmt: skip


def same_certificate(certificate: Certificate) -> CertificateQuerySet:
    """Every row of this very certificate: the same bytes, or the same serial of the same authority."""
    same = Q(fingerprint=certificate.fingerprint)
    if certificate.authority_id is not None:
        same |= Q(authority=certificate.authority_id, serial=certificate.serial)
    return Certificate.objects.filter(same).select_related("root_authority__parent")


def issuing_authority(certificate: Certificate) -> Authority | None:
    """The authority known here that can revoke it: of a CA's own certificate the parent, of a root none."""
    if certificate.root_authority is not None:
        return certificate.root_authority.parent
    return certificate.authority


class Revocation(Job):
    """Asked for, and not done before the authority has agreed. ``reason`` is a CRLReason's name (RFC 5280 5.3.1)."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="revocations")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=32)
    comments = models.CharField(max_length=1024, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    most_failures = 80
    steady_pause = timedelta(hours=1)  # as an order

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=~models.Q(state="done"), name="revocation_not_done"),
            models.Index(fields=["not_before"], condition=models.Q(state="done"), name="revocation_done"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["certificate"], condition=models.Q(state="waiting"), name="one_open_revocation"
            )
        ]

    def __str__(self) -> str:
        return f"revocation of {self.certificate}"


def last_revocation(rows: CertificateQuerySet) -> Revocation | None:
    """The last one of these rows of one certificate that the authority has agreed to."""
    return Revocation.objects.filter(certificate__in=rows, state=Revocation.State.DONE).first()


def revoked_for_good(certificate: Certificate) -> bool:
    """Not just on hold, and not only by what others say."""
    last = last_revocation(same_certificate(certificate))
    return last is not None and last.reason not in (ledger.HOLD, ledger.RELEASE)


def unfinished_revocation(certificate: Certificate) -> Revocation | None:
    """What was asked for last, if the authority has not agreed to it: it is asked again, or was given up."""
    asked = Revocation.objects.filter(certificate__in=same_certificate(certificate))
    last = asked.select_related("by").first()
    return None if last is None or last.state == Revocation.State.DONE else last
