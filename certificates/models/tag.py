"""Tags: words that people give to certificates, to find them by; one row per name, shared by all that bear it."""

from __future__ import annotations

from typing import Any

from django.db import models

from certificates.tags import LONGEST


class Tag(models.Model):
    """Such as ``env:prod``; what a name may be, :mod:`certificates.tags` says.

    The row of one that no certificate bears any more stays, and nobody is offered it: who took it away would meet
    whoever gives it to another certificate at that moment.
    """

    name = models.CharField(max_length=LONGEST, unique=True)

    def __str__(self) -> str:
        return self.name


class Joined(models.Aggregate):
    """Texts as one, with blanks between, in whatever order; Django has this for PostgreSQL alone."""

    function = "STRING_AGG"
    template = "%(function)s(%(expressions)s, ' ')"
    output_field = models.TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Under SQLite's name."""
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **context)
