"""Form fields that know what the database can hold."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MOST_DIGITS = 18  # all numbers of so many digits fit a 64-bit column


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows by their ids. One that no column could hold is an unknown choice; Django would let the database fail."""

    def clean(self, value: Any) -> Any:
        for pk in value if isinstance(value, list | tuple) else ():
            if len(str(pk)) > MOST_DIGITS:
                raise ValidationError(
                    self.error_messages["invalid_pk_value"], code="invalid_pk_value", params={"pk": str(pk)[:100]}
                )
        return super().clean(value)
