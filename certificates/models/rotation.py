"""When a certificate is renewed by itself, and what becomes of the one that it replaces."""

from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from core.statements import ModelStatement
from pki import renewal

DEFAULT = "default"
LEAST_DAYS, MOST_DAYS = 1, 3650
LEAST_SHARE, MOST_SHARE = 1, 90
MOST_JITTER = 30 * 24
LONGEST_WINDOWS = 512


class RotationPolicy(models.Model):
    """A number of days before the end, or a share of the life. ``default`` is there from the start.

    ``changed_at``: since then the moments of the certificates that follow it (``Certificate.renews_at``) are out of
    date; null: they are not.
    """

    name = models.CharField(max_length=128, unique=True)
    days = models.PositiveIntegerField(validators=[MinValueValidator(LEAST_DAYS), MaxValueValidator(MOST_DAYS)])
    share = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Percent of the life before the end, in the place of the days."
    )
    follows_ca = models.BooleanField(default=False, help_text="Where the CA suggests a time, that one counts.")
    jitter_hours = models.PositiveSmallIntegerField(default=0, help_text="Renewals are spread over so many hours.")
    windows = models.CharField(
        max_length=LONGEST_WINDOWS, blank=True, help_text="Hours of the week in UTC; empty: any."
    )
    revokes_old = models.BooleanField(default=False, help_text="What was replaced and is served nowhere is revoked.")
    cleans_old = models.BooleanField(default=False, help_text="It is removed from its sources.")
    changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "rotation policies"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def usual(cls) -> RotationPolicy | None:
        """The one that certificates have unless they name another; None if somebody took it away."""
        return _NAMED.first(DEFAULT)

    @property
    def rule(self) -> renewal.Rule:
        """When, as pki works with it."""
        return renewal.Rule(self.days, self.share, timedelta(hours=self.jitter_hours))

    @property
    def open_hours(self) -> tuple[renewal.Window, ...]:
        """In which hours of the week."""
        return renewal.parse_windows(self.windows)


_NAMED = ModelStatement[RotationPolicy](lambda name: RotationPolicy.objects.filter(name=name))
