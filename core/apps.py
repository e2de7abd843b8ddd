"""The app that carries the shared kernel."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules

from plugins import network


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        from core import checks, lookups  # noqa: F401, PLC0415  register themselves, and need loaded apps

        autodiscover_modules("permissions")  # so that has_perm knows the rules of every app
        try:
            network.configure(allow=settings.OUTBOUND_ALLOW)
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from None
