"""Settings that say what stands for what."""

from __future__ import annotations

import re

from django.core.exceptions import ImproperlyConfigured


def of_ids(name: str, values: list[str]) -> dict[int, int]:
    """``3=7,4=7`` as ids. Raises ImproperlyConfigured, naming the setting."""
    found: dict[int, int] = {}
    for value in values:
        matched = re.fullmatch(r"\s*([0-9]{1,18})\s*=\s*([0-9]{1,18})\s*", value)
        if matched is None or int(matched[1]) in found:
            raise ImproperlyConfigured(f"{name} must be ids with a new id each, such as 3=7,4=7, not {value!r}.")
        found[int(matched[1])] = int(matched[2])
    return found
