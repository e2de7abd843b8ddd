"""What is seen outside: endpoints that serve certificates; and what came over from another system."""

from __future__ import annotations

from typing import Any

from django.db import models

from certificates.models import Certificate
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
    source = models.ForeignKey(Source, models.CASCADE, related_name="endpoints")
    policy = models.JSONField(default=dict, blank=True, help_text="The name of its TLS policy and its ciphers.")
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
        """What is wrong with it, as Lemur names it: deprecated ciphers, and a certificate that is over."""
        ciphers = self.policy.get("ciphers", [])
        found = [{"name": "deprecated cipher", "value": one["name"]} for one in ciphers if one.get("deprecated")]
        if self.certificate is not None and self.certificate.expired:
            found.append({"name": "expired certificate", "value": self.certificate.not_after.isoformat()})
        if self.certificate is not None and self.certificate.revoked:
            found.append({"name": "revoked", "value": True})
        return found


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
