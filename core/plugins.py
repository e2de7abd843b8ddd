"""Finding the plugins that people choose from, and the one that somebody named."""

from __future__ import annotations

from typing import Any

from core.errors import Invalid, NotFound
from plugins import PluginUnavailable, registry
from plugins.contracts import Plugin


def named_plugin(slug: str, kind: str) -> Any:
    """The class of the plugin of this kind. Raises the Invalid of contract 9.5, which says why it cannot be had."""
    try:
        return registry.get(slug, kind)
    except PluginUnavailable as error:
        text = f"Unable to find plugin. Slug: {slug} Reason: {error}"
        raise Invalid(reasons={"plugin": {"_schema": text}}) from error


def addressed_plugin(slug: str, kind: str, can: type = Plugin) -> type[Plugin]:
    """The same for a page whose address names it: there is no such page without it, or if it cannot do that.

    Raises NotFound.
    """
    try:
        plugin = registry.get(slug, kind)
    except PluginUnavailable as error:
        raise NotFound(str(error)) from error
    if not issubclass(plugin, can):
        raise NotFound(f"The plugin '{slug}' cannot do this. Choose another kind.")
    return plugin


def offered(kind: str, can: type = Plugin) -> list[dict[str, str]]:
    """The plugins of a kind that work here, as :func:`in_words`; those alone that ``can`` do something besides."""
    loaded = (entry.load() for entry in registry.of_kind(kind) if not entry.problem)
    return [in_words(plugin) for plugin in loaded if issubclass(plugin, can)]


def in_words(plugin: type[Plugin]) -> dict[str, str]:
    """What pages say of a plugin. Not the class itself: templates call whatever can be called."""
    return {"slug": plugin.slug, "title": plugin.title, "description": plugin.description}
