"""When a CA would like one of its certificates to be renewed."""

from __future__ import annotations

from django.db import models

from certificates.models.certificate import Certificate
from core.jobs import Job

RESTLESS = models.Q(failures__gt=0) | models.Q(leased=True)
"""It is asked for at this moment, or that did not work the last time."""


class Suggestion(Job):
    """The window that the CA has suggested last (RFC 9773, 4.2), if it has; asked for again at ``not_before``.

    One for each certificate that follows its CA, and nearly all only wait; the others are :data:`RESTLESS`.
    """

    certificate = models.OneToOneField(Certificate, models.CASCADE, related_name="suggestion")
    start = models.DateTimeField(null=True, editable=False)
    end = models.DateTimeField(null=True, editable=False)
    explanation = models.CharField(max_length=512, blank=True, editable=False)
    most_failures = 1_000

    class Meta:
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="suggestion_due"),
            models.Index(fields=["id"], condition=~models.Q(state="done") & RESTLESS, name="suggestion_restless"),
        ]

    def __str__(self) -> str:
        return f"suggestion about {self.certificate}"
