"""The same done to many certificates, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from certificates.models.certificate import Certificate
from core.jobs import Job


class Batch(Job):
    """That somebody wants the same done to many certificates; done once it was tried with each of them.

    ``given`` is what the verb needs to know, as JSON. ``cancelled``: a person wants it to stop, which it does at the
    next certificate; what is done stays done.
    """

    verb = models.CharField(max_length=16)
    given = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    cancelled = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="batch_due")]

    def __str__(self) -> str:
        return f"{self.verb} of {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """How far it has come."""
        return reverse("certificates:batch", args=[self.pk])

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many certificates are ``waiting``, ``done`` and ``failed``, and ``total``; see :meth:`count_for`."""
        return self.count_for([self])[0]

    @classmethod
    def count_for(cls, batches: Sequence[Batch]) -> list[dict[str, int]]:
        """The :attr:`counts` of several, in one statement; each keeps its own."""
        rows = BatchItem.objects.filter(batch__in=batches).order_by().values_list("batch", "state")
        found = {(batch, state): number for batch, state, number in rows.annotate(models.Count("pk"))}
        for batch in batches:
            numbers = {state: found.get((batch.pk, state), 0) for state in BatchItem.State.values}
            batch.__dict__["counts"] = {**numbers, "total": sum(numbers.values())}
        return [batch.counts for batch in batches]


class BatchItem(models.Model):
    """One certificate of a batch, and why it failed with it."""

    class State(models.TextChoices):
        """Done may also mean that there was nothing to do."""

        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    batch: Any = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="+")
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["batch", "certificate"], name="once_in_a_batch")]
        indexes = [models.Index(fields=["batch", "state", "id"], name="batch_item_state")]

    def __str__(self) -> str:
        return f"{self.certificate}: {self.state}"
