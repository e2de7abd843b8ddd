"""Tells the plugins which directories and commands the operator has opened to those who use the product."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from plugins import commands
from plugins.destinations import directory as destination
from plugins.sources import directory as source


class StoresConfig(AppConfig):
    """Where certificates live outside."""

    name = "stores"

    def ready(self) -> None:
        commands.configure(settings.RELOAD_COMMANDS)
        try:
            source.directories.configure(settings.SOURCE_DIRECTORIES)
            destination.directories.configure(settings.DESTINATION_DIRECTORIES)
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from error
