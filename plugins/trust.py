"""Whom TLS servers are vouched for by: the public roots, or in their place those that a connector names."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any, Final

import certifi

from pki import chains, containers
from pki.errors import PkiError

TEXTAREA: Final[dict[str, Any]] = {"type": "textarea"}


@lru_cache(maxsize=64)
def tls_context(roots: str | None = None) -> ssl.SSLContext:
    """For these roots alone (PEM), or without any for the public ones; ValueError.

    Made once for each set of roots: to read all public ones takes longer than many a request.
    """
    return ssl.create_default_context(cadata=roots) if roots else ssl.create_default_context(cafile=certifi.where())


def readable_roots(text: str) -> str:
    """The text; ValueError, for the validator of an option, if it holds no certificate or what is none."""
    try:
        found = chains.split(text, limit=containers.MOST_CERTIFICATES)
    except PkiError as error:
        raise ValueError(error.message) from error
    if not found:
        raise ValueError("there is no certificate in it")
    return text
