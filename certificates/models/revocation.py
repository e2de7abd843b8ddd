"""A revocation: that the authority shall declare a certificate void."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from certificates.models.certificate import Certificate
from core.jobs import Job


class Revocation(Job):
    """Asked for, and not done before the authority has agreed. ``reason`` is a CRLReason's name (RFC 5280 5.3.1)."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="revocations")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=32)
    comments = models.CharField(max_length=1024, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["certificate"], condition=models.Q(state="waiting"), name="one_open_revocation"
            )
        ]

    def __str__(self) -> str:
        return f"revocation of {self.certificate}"
