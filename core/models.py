"""What the kernel remembers: the audit log, where keys are, answers that may be asked for twice, when sweeps ran."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.conf import settings
from django.db import models

PLAIN_BULK = 3  # positions of bulk_create's arguments before update_conflicts


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Refuses what would change the past, whichever of Django's ways leads there."""

    def update(self, *args: Any, **changes: Any) -> NoReturn:
        raise TypeError("The audit log is append-only.")

    _update = bulk_update = abulk_update = update_or_create = aupdate_or_create = update

    def bulk_create(self, *args: Any, **options: Any) -> list[AuditEntry]:
        """New entries only: with the option to update, it would change old ones."""
        if options.get("update_conflicts") or len(args) > PLAIN_BULK:
            raise TypeError("The audit log is append-only.")
        return super().bulk_create(*args, **options)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Only entries about demo data may go, and only together with it."""
        self.require_demo()
        return super().delete()

    def _raw_delete(self, using: str | None) -> int:
        self.require_demo()
        return super()._raw_delete(using)

    def require_demo(self) -> None:
        """Raise TypeError if one of these entries is not about demo data."""
        if self.filter(demo=False).exists():
            raise TypeError("The audit log is append-only.")


class AuditEntry(models.Model):
    """What happened, to what, by whom, from where. Written once, never changed.

    The actor is no database constraint: a person's row may go (demo data), the evidence stays and keeps the name.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    event = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(max_length=255)
    details = models.JSONField(default=dict)
    context = models.JSONField(default=dict)
    demo = models.BooleanField(default=False)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_target"),
            models.Index(fields=["actor", "-id"], name="audit_actor"),
            models.Index(fields=["event", "-id"], name="audit_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.target_name} by {self.actor_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a second save of the same entry is an error."""
        if self.pk:
            raise TypeError("The audit log is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse, unless the stored entry, whatever this object says, is about demo data."""
        type(self).objects.filter(pk=self.pk).require_demo()
        return super().delete(*args, **kwargs)


class StoredKey(models.Model):
    """Where one private key is kept: which custody has it, and what that custody needs to find it again.

    The reference of the built-in custody is the sealed key itself; see pki.envelope.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    custody = models.CharField(max_length=64)
    spki_sha256 = models.CharField(max_length=64)
    sealed_with = models.CharField(
        max_length=16, blank=True, db_index=True, help_text="Id of the key-encryption key, where there is one."
    )
    reference = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.uri

    @property
    def uri(self) -> str:
        """The name by which the other tables know this key."""
        return f"key:{self.pk}"


class IdempotentAnswer(models.Model):
    """The answer to a POST that bore an Idempotency-Key, so that asking again does not do it again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="Keyed SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request is still at work.")
    body = models.JSONField(null=True)
    made = models.CharField(max_length=64, blank=True, help_text="What it has made so far, as model:id.")
    lease_until = models.DateTimeField(help_text="When the first request must be presumed dead.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_answer_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}"


class SweepRun(models.Model):
    """When a sweep of the timetable ran last, and how that ended; one row for each."""

    name = models.CharField(max_length=64, unique=True)
    begun_at = models.DateTimeField(null=True, help_text="When it was begun last.")
    leased_until = models.DateTimeField(null=True, help_text="It is at work until then, or died.")
    succeeded_at = models.DateTimeField(null=True, help_text="When it was begun that ended well.")
    seconds = models.FloatField(null=True, help_text="How long it took.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
