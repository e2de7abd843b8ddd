"""Texts that may be sent, as patterns, and what else may stand in an object."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

# A database cannot store NUL, so that it is nowhere allowed.
ANY_TEXT = r"^[^\u0000]*$"
SOME_TEXT = r"^[^\u0000]*[^\s\u0000-\u001f\u0085\ufeff][^\u0000]*$"
LINE = r"^ *[\p{L}\p{M}\p{N}\p{P}\p{S}][\p{L}\p{M}\p{N}\p{P}\p{S} ]*$"

ANYTHING_ELSE = "AnythingElse"
_REFERENCE: Schema = {"$ref": f"#/components/schemas/{ANYTHING_ELSE}"}


def opened(schema: Schema) -> Schema:
    """An object that may have other members, which are ignored."""
    return {**schema, "propertyNames": {"pattern": ANY_TEXT}, "additionalProperties": _REFERENCE}


ANYTHING: Schema = {
    "description": "What is not known is ignored; NUL must not be in it.",
    "anyOf": [
        {"type": ["number", "boolean", "null"]},
        {"type": "string", "pattern": ANY_TEXT},
        {"type": "array", "items": _REFERENCE},
        opened({"type": "object"}),
    ],
}
