"""`manage.py migrate`: Django's own, by one at a time."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from lemur_site.preparing import alone


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with alone(options["database"]):
            super().handle(*args, **options)
