"""Destinations and sources."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from core.connectors import Connector


class Destination(Connector):
    """A place that certificates are delivered to."""

    kind: ClassVar[str] = "destination"

    label = models.CharField(max_length=128)

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

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/sources/{self.pk}"
