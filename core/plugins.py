"""Finding the plugin that somebody named, with the error of contract 9.5 where there is none."""

from __future__ import annotations

from typing import Any

from core.errors import Invalid
from plugins import PluginUnavailable, registry


def named_plugin(slug: str, kind: str) -> Any:
    """The class of the plugin of this kind. Raises Invalid, which says why it cannot be had."""
    try:
        return registry.get(slug, kind)
    except PluginUnavailable as error:
        text = f"Unable to find plugin. Slug: {slug} Reason: {error}"
        raise Invalid(reasons={"plugin": {"_schema": text}}) from error
