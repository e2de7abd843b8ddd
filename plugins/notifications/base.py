"""What the options of every notification plugin begin with: how long before a certificate expires it speaks up."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from plugins.options import PluginOptions

DAYS = {"days": 1, "weeks": 7, "months": 30}
LONGEST_DAYS = 90


class NotificationOptions(PluginOptions):
    """Lemur's `interval` and `unit`, together at most 90 days."""

    interval: int = Field(ge=1, description="How many of the unit before a certificate expires.")
    unit: Literal["days", "weeks", "months"] = Field(description="A month counts as 30 days.")

    @property
    def days(self) -> int:
        return self.interval * DAYS[self.unit]

    @model_validator(mode="after")
    def _not_too_early(self) -> Self:
        if self.days > LONGEST_DAYS:
            raise ValueError(f"Notification cannot be more than {LONGEST_DAYS} days into the future.")
        return self
