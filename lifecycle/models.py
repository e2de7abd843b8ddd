"""What is seen outside: endpoints and their change to new certificates; how many renewals an hour sees; and what came
over from another system."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models

from certificates.models import Certificate
from core.jobs import Job
from stores.models import Source


class Endpoint(models.Model):
    """A host and port where a source saw a certificate being served."""

    name = models.CharField(max_length=255)
    dnsname = models.CharField(max_length=255)
    dns_aliases = models.JSONField(default=list, blank=True)
    port = models.PositiveIntegerField()
    type = models.CharField(max_length=64)
    owner = models.CharField(max_length=128, blank=True)
    active = models.BooleanField(default=True)
    certificate = models.ForeignKey(Certificate, models.SET_NULL, null=True, blank=True, related_name="endpoints")
    certificate_path = models.CharField(max_length=512, blank=True)
    registry_type = models.CharField(max_length=64, blank=True)
    reference = models.CharField(max_length=512, blank=True, editable=False, help_text="The source's own name for it.")
    source = models.ForeignKey(Source, models.CASCADE, related_name="endpoints")
    policy = models.JSONField(default=dict, blank=True, help_text="The name of its TLS policy and its ciphers.")
    problems = models.JSONField(default=list, editable=False, help_text="What was wrong when it was looked at last.")
    checked_at = models.DateTimeField(null=True, editable=False)
    last_updated = models.DateTimeField(auto_now=True)
    date_created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "dnsname", "port"], name="one_endpoint_per_host_and_port")
        ]

    def __str__(self) -> str:
        return f"{self.dnsname}:{self.port}"

    @property
    def issues(self) -> list[dict[str, Any]]:
        """What is wrong with it, as Lemur names it, and what was seen there that is not as it should be."""
        ciphers = self.policy.get("ciphers", [])
        found = [{"name": "deprecated cipher", "value": one["name"]} for one in ciphers if one.get("deprecated")]
        if self.certificate is not None and self.certificate.expired:
            found.append({"name": "expired certificate", "value": self.certificate.not_after.isoformat()})
        if self.certificate is not None and self.certificate.revoked:
            found.append({"name": "revoked", "value": True})
        return [*found, *({"name": "not as it should be", "value": problem} for problem in self.problems)]


class EndpointRotation(Job):
    """That an endpoint shall serve another certificate; done once it was seen serving it, at each of its addresses."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="rotations")
    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="rotations")
    replaces = models.ForeignKey(Certificate, models.SET_NULL, null=True, related_name="rotations_away")
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, editable=False)
    rolled_back_at = models.DateTimeField(null=True, editable=False)
    most_failures = 80
    steady_pause = timedelta(hours=1)  # so it is tried for three days: a service may be away for a week-end

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "certificate"], name="one_rotation_per_endpoint_and_certificate"
            )
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="rotation_due"),
            models.Index(fields=["id"], condition=~models.Q(state="done"), name="rotation_not_done"),
            models.Index(fields=["not_before"], condition=models.Q(state="done"), name="rotation_done"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} to {self.certificate}"

    def get_absolute_url(self) -> str:
        """The list that it stands in."""
        return "/rotations/"


class Spent(models.Model):
    """How many renewals an hour has seen that happened by themselves: of one authority, or all together.

    ``allowed``: how many of all together it may see; null: any, or an authority's, whose own column says so.
    """

    scope = models.CharField(max_length=64, help_text="``authority:7``, or ``all``.")
    hour = models.DateTimeField()
    number = models.PositiveIntegerField(default=0)
    allowed = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "hour"], name="spent_once")]

    def __str__(self) -> str:
        return f"{self.number} of {self.scope} at {self.hour:%Y-%m-%d %H}"


class Brake(models.Model):
    """That more is due for renewal than may happen by itself in an hour: what is over that waits for a person.

    Released, nothing waits until ``released_until``. It ends once nothing is held any more; one at a time is open.
    """

    began_at = models.DateTimeField()
    due = models.PositiveIntegerField(help_text="How many certificates were due.")
    allowed = models.PositiveIntegerField(help_text="How many an hour may see.")
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    released_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    open = models.BooleanField(default=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["open"], condition=models.Q(open=True), name="one_open_brake")]

    def __str__(self) -> str:
        return f"{self.due} renewals at once, {self.allowed} an hour"

    def get_absolute_url(self) -> str:
        """Where it is released."""
        return "/rotations/"


class Sync(Job):
    """That we shall know what a source has: done once a worker has looked; the timetable begins it anew.

    The numbers grow while it runs. ``cancelled``: a person wants it to stop, which it does at the next certificate.
    """

    source = models.OneToOneField(Source, models.CASCADE, related_name="sync")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    cancelled = models.BooleanField(default=False, editable=False)
    begun_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    seen = models.PositiveIntegerField(default=0, editable=False)
    added = models.PositiveIntegerField(default=0, editable=False)
    linked = models.PositiveIntegerField(default=0, editable=False)
    refused = models.PositiveIntegerField(default=0, editable=False)
    unlinked = models.PositiveIntegerField(default=0, editable=False)
    endpoints = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["not_before"], condition=models.Q(state="waiting"), name="sync_due")]

    def __str__(self) -> str:
        return f"sync of {self.source}"


class Finding(models.Model):
    """A certificate that a source brought in: somebody has to say whose it is, or that it does not matter.

    It is written down before the certificate is, so that several sources that have it bring it in once.
    """

    class State(models.TextChoices):
        """What became of it."""

        NEW = "new"
        ASSIGNED = "assigned"
        DISMISSED = "dismissed"

    fingerprint = models.CharField(max_length=64, unique=True)
    certificate = models.OneToOneField(Certificate, models.CASCADE, null=True, related_name="finding")
    source = models.ForeignKey(Source, models.SET_NULL, null=True, related_name="findings")
    where = models.CharField(max_length=512, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.NEW)
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["-id"], condition=models.Q(state="new"), name="finding_new")]

    def __str__(self) -> str:
        return str(self.certificate or self.fingerprint)

    def get_absolute_url(self) -> str:
        """The list that it stands in."""
        return "/found/"


class Moved(models.Model):
    """That a row of another system's became a row of ours, so that it is taken over once; see lifecycle.moving.

    ``notes`` say what is different here: each ``[weight, sentence]``.
    """

    origin = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    theirs = models.BigIntegerField()
    ours = models.BigIntegerField()
    title = models.CharField(max_length=255)
    notes = models.JSONField(default=list)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "kind", "theirs"], name="moved_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.theirs} of {self.origin}"


class Alarm(models.Model):
    """That something does not work, from when until when. ``topic`` names it as notices do; ``error`` is what was said
    first."""

    kind = models.CharField(max_length=32)
    topic = models.CharField(max_length=64)
    label = models.CharField(max_length=255)
    url = models.CharField(max_length=255)
    owner = models.CharField(max_length=255)
    error = models.TextField(blank=True)
    since = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "topic"], condition=models.Q(resolved_at=None), name="one_open_alarm"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind.replace('-', ' ')}: {self.label}"[:255]
