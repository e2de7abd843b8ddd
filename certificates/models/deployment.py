"""A certificate at a destination."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from certificates.models.certificate import Certificate
from certificates.models.questions import Status
from core.jobs import Job, JobQuerySet
from stores.models import Destination


class DeploymentQuerySet(JobQuerySet):
    """What whoever delivers asks of deployments."""

    def in_turn(self) -> Self:
        """Where the destination is switched on, and it is this one's turn.

        What takes another certificate's place does so at one destination after the other, and goes no further than the
        first where it does not arrive. What is new goes to all of them at once.
        """
        replacing = Deployment.objects.filter(certificate__replaces__isnull=False).exclude(state=Job.State.DONE)
        valid = replacing.exclude(certificate__status=Status.REVOKED)  # which leaves wherever it can
        before = valid.filter(certificate=OuterRef("certificate"), pk__lt=OuterRef("pk"))
        return self.filter(Q(destination__active=True) & ~Exists(before))


class Deployment(Job):
    """That a certificate shall be at a destination; done once the destination has it."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="deployments")
    destination = models.ForeignKey(Destination, models.CASCADE, related_name="deployments")
    created_at = models.DateTimeField(auto_now_add=True)
    deployed_at = models.DateTimeField(null=True, editable=False)
    most_failures = 90
    steady_pause = timedelta(hours=4)  # so it is tried for a fortnight: a target may be away for long

    objects = DeploymentQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "destination"], name="one_deployment_per_destination")
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="deployment_due"),
            models.Index(fields=["id"], condition=~models.Q(state="done"), name="deployment_not_done"),
            models.Index(fields=["not_before"], condition=models.Q(state="done"), name="deployment_done"),
        ]

    def __str__(self) -> str:
        return f"{self.certificate} at {self.destination}"

    @property
    def tried(self) -> bool:
        """Was it ever begun? Then the destination may have it, whatever we know."""
        return self.attempts > 0 or self.deployed_at is not None
