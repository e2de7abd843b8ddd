"""A connector: a row that configures a plugin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from core.errors import Invalid, Unavailable
from plugins import OptionErrors, PluginUnavailable, parse, registry
from plugins.contracts import Plugin


class Connector(models.Model):
    """What authorities, and later destinations, sources and notifications, have in common."""

    kind: ClassVar[str]

    description = models.CharField(max_length=1024, blank=True)
    plugin = models.CharField(max_length=64)
    options = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        abstract = True

    @property
    def plugin_class(self) -> type[Plugin]:
        """The class of the plugin. Raises Unavailable when it cannot be loaded here, saying why."""
        try:
            return registry.get(self.plugin, self.kind)
        except PluginUnavailable as error:
            raise Unavailable(str(error)) from error

    def open(self) -> Any:
        """The plugin, configured by this row and ready to work."""
        plugin = self.plugin_class
        return plugin(self.parsed(plugin))

    def parsed(self, plugin: type[Plugin]) -> Any:
        """The options as the plugin's own type. Raises Invalid, naming each bad option."""
        try:
            return parse(plugin.Options, self.options)
        except OptionErrors as error:
            raise Invalid(reasons={"plugin": {"plugin_options": error.errors}}) from error
