"""An order: a certificate that was asked for and does not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from django.conf import settings
from django.db import models

from authorities.models import Authority, Issuance, Profile
from certificates.models.certificate import Certificate
from core.jobs import Job
from core.models import StoredKey
from pki import profiles

# Longer than the web server lets a request run, so that the sweep never mints an order that a request still works on.
REQUEST_LEASE = timedelta(seconds=90)


class Order(Job):
    """Everything that is needed to obtain the certificate, written down before the CA is asked.

    ``draft`` is what our own CA will sign, complete but for the signature (DER): signing it again gives the same
    to-be-signed bytes. ``spec`` holds what the certificate's row will need, as JSON.
    """

    authority = models.ForeignKey(Authority, models.CASCADE, related_name="orders")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    spec = models.JSONField()
    csr = models.TextField()
    private_key = models.CharField(max_length=64, null=True)
    profile = models.CharField(max_length=64)
    draft = models.BinaryField(null=True)
    not_before_asked = models.DateTimeField()
    not_after_asked = models.DateTimeField()
    external_id = models.CharField(max_length=512, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    reissues = models.ForeignKey(
        Certificate, models.SET_NULL, null=True, blank=True, related_name="reissues", help_text="What it renews."
    )
    certificate = models.OneToOneField(Certificate, models.SET_NULL, null=True, related_name="order")
    most_failures = 80
    steady_pause = timedelta(hours=1)  # so it is tried for three days: a CA may be away for a week-end

    # For who has just drawn it up: the line of the ledger, the rows that its spec names once, and before it is saved,
    # its key and its draft.
    reserved: Issuance | None = None
    named: Mapping[str, models.Model | None] | None = None
    unsaved: tuple[StoredKey | None, x509.Certificate | None] = (None, None)

    class Meta:
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="order_due"),
            models.Index(fields=["id"], condition=~models.Q(state="done"), name="order_not_done"),
            models.Index(fields=["not_before"], condition=models.Q(state="done"), name="order_done"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reissues"],
                condition=models.Q(state__in=["waiting", "unknown"]),
                name="one_open_order_per_reissue",
            )
        ]

    def __str__(self) -> str:
        return f"order {self.pk} for {self.spec.get('common_name') or self.spec.get('owner')}"

    def get_absolute_url(self) -> str:
        """Its page, where a person waits for it."""
        return f"/certificates/orders/{self.pk}"

    @cached_property
    def profile_value(self) -> profiles.Profile:
        """The profile it names, as pki works with it."""
        return Profile.objects.get(name=self.profile).value()
