"""Whom TLS servers are vouched for by: the public roots, or in their place those that a connector names."""

from __future__ import annotations

import ssl
from functools import lru_cache

import certifi

from pki import chains, containers
from pki.errors import PkiError


@lru_cache(maxsize=64)
def tls_context(roots: str | None = None) -> ssl.SSLContext:
    """For these roots alone (PEM), or without any for the public ones; ValueError.

    Made once for each set of roots: to read all public ones takes longer than many a request.
    """
    return ssl.create_default_context(cadata=roots) if roots else ssl.create_default_context(cafile=certifi.where())


def readable_certificates(text: str, *, limit: int = containers.MOST_CERTIFICATES) -> str:
    """The text, perhaps empty; ValueError, for the validator of an option, if it holds too many, or what is none."""
    try:
        chains.split(text, limit=limit)
    except PkiError as error:
        raise ValueError(error.message) from None
    return text


def readable_roots(text: str) -> str:
    """The same of a text that must hold one at least."""
    if not text.strip():
        raise ValueError("there is no certificate in it")
    return readable_certificates(text)
