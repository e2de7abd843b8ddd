"""`manage.py migrate`: Django's own, by one at a time."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections

from lemur_site.preparing import alone


class Command(migrate.Command):
    """A database that is away ends it with one sentence; who only looks does not wait for others."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections[options["database"]].ensure_connection()
        except OperationalError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"The database cannot be used: {reason}. Is it running, and does DATABASE_URL name it?"
            ) from error
        looks = options["check_unapplied"] or options["plan"]
        with nullcontext() if looks else alone(options["database"]):
            super().handle(*args, **options)
