"""Destinations and sources, and what was found when somebody had a source looked into."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.connectors import Connector
from core.jobs import Job


class Destination(Connector):
    """A place that certificates are delivered to."""

    kind: ClassVar[str] = "destination"

    label = models.CharField(max_length=128)
    demo = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["label", "id"]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/destinations/{self.pk}"


class Source(Connector):
    """A place that is looked at for certificates, and for the endpoints that serve them."""

    kind: ClassVar[str] = "source"

    label = models.CharField(max_length=128, unique=True)
    last_run = models.DateTimeField(null=True, blank=True, editable=False)
    demo = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/sources/{self.pk}"


class Scan(Job):
    """That somebody wants to see what a source holds; done once a worker has looked. Asking again begins anew.

    ``found`` is what people are shown of the first certificates; ``total`` says how many there are.
    """

    source = models.OneToOneField(Source, models.CASCADE, related_name="scan")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    found = models.JSONField(default=list, editable=False)
    total = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"scan of {self.source}"
