"""What the options of every notification plugin begin with: how long before a certificate expires it speaks up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from plugins.options import PluginOptions

DAYS = {"days": 1, "weeks": 7, "months": 30}
PERCENT = "percent"
LONGEST_DAYS = 90


@dataclass(frozen=True)
class Threshold:
    """How long before its end somebody is told of a certificate: so many days, or so many per cent of its lifetime."""

    days: int = 0
    percent: int = 0

    def __str__(self) -> str:
        return f"{self.percent}%" if self.percent else f"{self.days}d"

    @cached_property
    def widest(self) -> timedelta:
        """The most that it is, of any certificate."""
        return timedelta(days=LONGEST_DAYS if self.percent else self.days)

    def before_end(self, lifetime: timedelta) -> timedelta:
        """Of a certificate that is valid for so long in all. A share is never more than 90 days.

        Days that are no fewer than its whole life count as a third of it, so that nobody is told of a certificate that
        lives for six days, or for an hour, on the day of its birth.
        """
        if self.percent:
            return min(lifetime * self.percent / 100, self.widest)
        return self.widest if self.widest < lifetime else lifetime / 3


class NotificationOptions(PluginOptions):
    """Lemur's `interval` and `unit`, together at most 90 days; and its own unit `percent`, a share of the lifetime."""

    interval: int = Field(ge=1, description="How many of the unit before a certificate expires.")
    unit: Literal["days", "weeks", "months", "percent"] = Field(
        description="A month counts as 30 days. Per cent are those of the certificate's lifetime."
    )

    @property
    def threshold(self) -> Threshold:
        """The same, in one unit for all that are of days."""
        if self.unit == PERCENT:
            return Threshold(percent=self.interval)
        return Threshold(days=self.interval * DAYS[self.unit])

    @model_validator(mode="after")
    def _not_too_early(self) -> Self:
        if self.threshold.days > LONGEST_DAYS:
            raise ValueError(f"Notification cannot be more than {LONGEST_DAYS} days into the future.")
        if self.threshold.percent >= 100:
            raise ValueError("A share of the lifetime is from 1 to 99 percent.")
        return self
