"""A certificate at a destination."""

from __future__ import annotations

from django.db import models

from certificates.models.certificate import Certificate
from core.jobs import Job
from stores.models import Destination


class Deployment(Job):
    """That a certificate shall be at a destination; done once the destination has it."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="deployments")
    destination = models.ForeignKey(Destination, models.CASCADE, related_name="deployments")
    created_at = models.DateTimeField(auto_now_add=True)
    deployed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "destination"], name="one_deployment_per_destination")
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="deployment_due"),
            models.Index(fields=["id"], condition=~models.Q(state="done"), name="deployment_not_done"),
        ]

    def __str__(self) -> str:
        return f"{self.certificate} at {self.destination}"

    @property
    def tried(self) -> bool:
        """Was it ever begun? Then the destination may have it, whatever we know."""
        return self.attempts > 0 or self.deployed_at is not None
