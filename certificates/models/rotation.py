"""How long before its end a certificate is renewed by itself."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

DEFAULT = "default"


class RotationPolicy(models.Model):
    """A number of days before the end. The one called ``default`` is there from the start."""

    name = models.CharField(max_length=128, unique=True)
    days = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(3650)])

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "rotation policies"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def usual(cls) -> RotationPolicy | None:
        """The one that certificates have unless they name another; None if somebody took it away."""
        return cls.objects.filter(name=DEFAULT).first()
