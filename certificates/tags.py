"""What a tag may be: a word, without any row."""

from __future__ import annotations

import re
from collections.abc import Collection

from core.errors import Invalid

MOST, LONGEST, SHOWN = 50, 64, 80
AROUND = " \t\r\n"
"""What may stand before and behind a tag, and is no part of it."""
SIGNS = r"A-Za-z0-9._:/\-"
"""Of which it is made. No other letters: two tags that look alike are one, and both databases find it in any case."""
BETWEEN = re.compile(rf"[{AROUND},]+")
_TAG = re.compile(rf"[{SIGNS}]{{1,{LONGEST}}}")


def normal_tags(given: Collection[str]) -> tuple[str, ...]:
    """Each once and in small letters, sorted. Raises Invalid, naming ``tags``, if one is none, or they are too many."""
    if len(given) > MOST:
        raise Invalid.field("tags", f"A certificate has at most {MOST} tags; leave some out.")
    return tuple(sorted({_normal(text) for text in given}))


def _normal(text: str) -> str:
    tag = text.strip(AROUND)
    if not _TAG.fullmatch(tag):
        raise Invalid.field(
            "tags", f"{tag[:SHOWN]!r} is no tag: use 1 to {LONGEST} letters a to z, digits and . - _ : /"
        )
    return tag.lower()


def typed_tags(text: str) -> list[str]:
    """As people type several: with commas, blanks or line ends between."""
    return [part for part in BETWEEN.split(text) if part]
