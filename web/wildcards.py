"""Text filters in which ``%`` stands for any text and ``_`` for one character, as SQL's LIKE has it.

The database compares, in a time that no pattern can blow up, and PostgreSQL does so with the index of ``icontains``.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, TextField
from django.db.models.lookups import PatternLookup

from core.lookups import AsciiContains


class Wildcards(AsciiContains):
    """``field__wildcards=pattern``: the whole column is as the pattern says, without regard to case."""

    param_pattern = "%s"

    def process_rhs(self, qn: Any, connection: Any) -> Any:
        """The pattern as it is, where ``icontains`` escapes it."""
        return super(PatternLookup, self).process_rhs(qn, connection)


# By a name of its own: the class keeps that of ``icontains``, by which databases find its operator and its index.
CharField.register_lookup(Wildcards, "wildcards")
TextField.register_lookup(Wildcards, "wildcards")


def plain(text: str) -> str:
    """The text as a pattern in which a backslash is a backslash."""
    return text.replace("\\", "\\\\")
