"""How a name is spelled: camelCase on the wire, snake_case in Python."""

from __future__ import annotations

import re
from functools import lru_cache

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINT = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")


def snake(name: str) -> str:
    """``subAltNames`` to ``sub_alt_names``, ``includeSKI`` to ``include_ski``; snake_case stays as it is."""
    return _HUMP.sub("_", name).lower()


@lru_cache(maxsize=2048)
def camel(name: str) -> str:
    """``sub_alt_names`` to ``subAltNames``; a leading underscore and camelCase stay as they are."""
    return _JOINT.sub(lambda joint: joint[1].upper(), name)
