"""Reads EMAIL_URL: which server takes our mail, and how the connection to it is protected."""

from __future__ import annotations

from typing import Final, TypedDict
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from pki.errors import BadName
from pki.names import parse as parse_name

# By scheme: the protection, and the usual port.
SCHEMES: Final = {"smtp": ("none", 25), "smtp+tls": ("starttls", 587), "smtps": ("tls", 465), "smtp+ssl": ("tls", 465)}
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Server(TypedDict):
    """Django's names for the same; ``EMAIL_HOST`` is empty where there is no server."""

    EMAIL_HOST: str
    EMAIL_PORT: int
    EMAIL_HOST_USER: str
    EMAIL_HOST_PASSWORD: str
    EMAIL_USE_TLS: bool
    EMAIL_USE_SSL: bool


def read(url: str) -> Server:
    """``smtp+tls://user:password@host:port``; empty: no server.

    ImproperlyConfigured says what is wrong, and never quotes the URL: there is a password in it.
    """
    if not url:
        return _server("", 0, "", "", "none")
    try:
        parts = urlsplit(url)
        protection, port = SCHEMES[parts.scheme]
        port = parts.port or port
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            f"EMAIL_URL must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)} and have a valid port."
        ) from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ImproperlyConfigured(
            "EMAIL_URL must name a host and nothing after it; percent-encode / ? # @ and : in a password."
        )
    if bool(user) != bool(password) or not (user + password).isascii():
        raise ImproperlyConfigured("EMAIL_URL must have both a user name and a password in ASCII, or neither.")
    if password and protection == "none" and parts.hostname not in LOOPBACK:
        raise ImproperlyConfigured(
            "EMAIL_URL has a password and no protection for it: use smtp+tls:// (STARTTLS) or smtps:// (TLS)."
        )
    return _server(parts.hostname, port, user, password, protection)


def _server(host: str, port: int, user: str, password: str, protection: str) -> Server:
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": protection == "starttls",
        "EMAIL_USE_SSL": protection == "tls",
    }


def sender(address: str, site: str) -> str:
    """Who our mail is from: what was asked for, else ``lemur`` at the site's host."""
    address = address.strip() or f"lemur@{_host(site)}"
    try:
        return parse_name("rfc822Name", address).value
    except BadName:
        raise ImproperlyConfigured(f"LEMUR_EMAIL must be an e-mail address, not {address!r}.") from None


def _host(site: str) -> str:
    """An address in a URL is no domain of an e-mail address."""
    host = urlsplit(site).hostname or ""
    return "localhost" if not host or host.replace(".", "").isdigit() or ":" in host else host


def days(name: str, values: list[str], *, longest: int = 90) -> list[int]:
    """How many days before a certificate expires: numbers from 1 to ``longest``."""
    if not all(value.strip().isdecimal() and 1 <= int(value) <= longest for value in values):
        raise ImproperlyConfigured(f"{name} must be numbers from 1 to {longest} with commas between them.")
    return sorted({int(value) for value in values}, reverse=True)
