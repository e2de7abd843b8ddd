"""Tells the source of files which directories the operator has opened."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from plugins.sources import directory


class StoresConfig(AppConfig):
    """Where certificates live outside."""

    name = "stores"

    def ready(self) -> None:
        try:
            directory.configure(roots=settings.SOURCE_DIRECTORIES)
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from error
