"""What the commands of ``manage.py`` have in common."""

from __future__ import annotations

from typing import Any

from django.core.management import base
from django.db import OperationalError, ProgrammingError

from core.checks import SETTINGS
from core.errors import DomainError


class BaseCommand(base.BaseCommand):
    """Looks at the settings first, but not at all pages and the whole API, which takes as long as most commands work.

    A DomainError, and a database that is away or not prepared, end it with one sentence.
    """

    requires_system_checks = [SETTINGS]

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DomainError as error:
            raise base.CommandError(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise base.CommandError(
                f"The database cannot be used: {reason}. Is it there, and has `manage.py migrate` been run?"
            ) from error
