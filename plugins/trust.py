"""Whom TLS servers are vouched for by: the public roots, and those that a connector names besides."""

from __future__ import annotations

import ssl
from functools import lru_cache

import certifi


@lru_cache(maxsize=64)
def tls_context(roots: str | None = None) -> ssl.SSLContext:
    """Made once for each set of roots: to read all public ones takes longer than many a request. ValueError."""
    context = ssl.create_default_context(cafile=certifi.where())
    if roots:
        context.load_verify_locations(cadata=roots)
    return context
