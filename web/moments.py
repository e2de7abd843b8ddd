"""Moments that somebody asks about."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import django_filters


class MomentField(django_filters.fields.IsoDateTimeField):  # type: ignore[misc]
    """In UTC: PostgreSQL refuses some zones that RFC 3339 allows (``-18:07``)."""

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        try:
            return found and found.astimezone(UTC)
        except OverflowError:  # in UTC it is before the first year, or after the last: nothing is there either way
            return found.replace(tzinfo=UTC)


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    """Compared with a moment of the row."""

    field_class = MomentField
