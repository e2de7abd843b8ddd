"""Looking for a part of a certificate's names: name, common name and domains, as one text with a line for each.

On PostgreSQL that text has an index of trigrams, which is asked once instead of three times.
"""

from __future__ import annotations

from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Coalesce

from core.lookups import AsciiContains
from web.wildcards import Wildcards

COLUMNS = ("name", "cn", "domain_names")
_LINE = Value("\n")
# The index is for this very expression: migration 0005.
_NAMES = Func(
    F("name"),
    _LINE,
    Coalesce(F("cn"), Value("")),
    _LINE,
    F("domain_names"),
    template="(%(expressions)s)",
    arg_joiner=" || ",
    output_field=TextField(),
)


def mentions(text: str) -> Q:
    """The text is part of one of its names."""
    return Q(AsciiContains(_NAMES, text))


def mentions_like(pattern: str) -> Q:
    """Something like the pattern is part of its names, see :mod:`web.wildcards`; a ``%`` in it may cross lines."""
    return Q(Wildcards(_NAMES, f"%{pattern}%"))
