"""Whom one trusts at the other end: roots that an administrator gives as PEM, in an option of a connector."""

from __future__ import annotations

from typing import Any, Final

from pki import chains, containers
from pki.errors import PkiError

TEXTAREA: Final[dict[str, Any]] = {"type": "textarea"}


def readable_roots(text: str) -> str:
    """The text; ValueError, for the validator of an option, if it holds no certificate or what is none."""
    try:
        found = chains.split(text, limit=containers.MOST_CERTIFICATES)
    except PkiError as error:
        raise ValueError(error.message) from error
    if not found:
        raise ValueError("there is no certificate in it")
    return text
