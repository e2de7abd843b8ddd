"""Columns of our own kinds."""

from __future__ import annotations

from typing import Any

from django.db import models


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """A secret that the keyring has sealed. By this type ``rewrap_keys`` finds every column that holds one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"null": True, "editable": False, **kwargs})
