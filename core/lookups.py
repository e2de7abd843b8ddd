"""Comparisons without regard to case are of ASCII letters, on PostgreSQL as on SQLite; imported, they take effect.

Django compares ``UPPER(column)`` with ``UPPER('what is looked for')``. Where the column sorts by code point and the
database does not, the two would make different letters of an ü, and nothing with one would ever be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, TextField
from django.db.models.lookups import BuiltinLookup, IContains, IEndsWith, IExact, IStartsWith, Lookup


class AsciiCase(BuiltinLookup):
    """Before one of Django's lookups: both sides are compared by code point."""

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """As Django does, but with a collation on either side; that of the left is part of indexes' expressions."""
        left, params = Lookup.process_lhs(self, compiler, connection)
        right, values = self.process_rhs(compiler, connection)
        compared = self.get_rhs_op(connection, f'{right} COLLATE "C"')
        return f'UPPER(({left})::text COLLATE "C") {compared}', [*params, *values]


class AsciiContains(AsciiCase, IContains):
    """``icontains``."""


class AsciiExact(AsciiCase, IExact):
    """``iexact``."""


class AsciiStarts(AsciiCase, IStartsWith):
    """``istartswith``."""


class AsciiEnds(AsciiCase, IEndsWith):
    """``iendswith``."""


for lookup in (AsciiContains, AsciiExact, AsciiStarts, AsciiEnds):
    CharField.register_lookup(lookup)
    TextField.register_lookup(lookup)
