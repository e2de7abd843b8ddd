"""Notifications: whom to tell how long before what happens; and notices: what one recipient must be told once."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models

from core.connectors import Connector
from core.jobs import Job

DAYS = {"days": 1, "weeks": 7, "months": 30}


class Notification(Connector):
    """A channel, and how long before a certificate expires it speaks up (the plugin's options interval and unit)."""

    kind: ClassVar[str] = "notification"

    label = models.CharField(max_length=128, unique=True)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="notifications"
    )

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    @property
    def threshold(self) -> timedelta | None:
        """How long before the end it speaks up; None if its options do not say."""
        interval, unit = self.options.get("interval"), self.options.get("unit")
        if interval is None or unit not in DAYS:
            return None
        return timedelta(days=int(interval) * DAYS[unit])


class Notice(Job):
    """One thing that one recipient must be told once: ``dedupe`` names it, so that no sweep makes it twice."""

    kind = models.CharField(max_length=32)
    notification = models.ForeignKey(Notification, models.SET_NULL, null=True, blank=True, related_name="notices")
    recipient = models.CharField(max_length=255)
    channel = models.CharField(max_length=64, help_text="The plugin that carries it.")
    subject_label = models.CharField(max_length=255)
    subject_url = models.CharField(max_length=255, blank=True)
    dedupe = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="notice_due")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}: {self.subject_label}"
