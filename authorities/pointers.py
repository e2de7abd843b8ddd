"""Where the world finds what an authority publishes: its certificate, its revocation list, its OCSP responder."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from authorities.models import Authority
from core.audit import acting
from core.errors import Invalid
from pki.extensions import Extensions
from pki.inspection import facts, load

LONGEST_BASE = 200
FIELD = "pki_base_url"


def base_url(text: str) -> str:
    """The base of public addresses as it is stored: plain HTTP, without a slash at the end. Raises Invalid.

    Whoever checks a certificate would have to check that of an HTTPS server first, and so on (RFC 5280, 8).
    """
    text = text.strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        valid = bool(parts.hostname) and parts.port != 0 and text.isascii() and text.isprintable()
    except ValueError:
        valid = False
    if not valid or parts.scheme != "http":
        raise Invalid.field(FIELD, "Give an address that begins with http://; revocation is looked up without TLS.")
    if parts.query or parts.fragment or parts.username is not None or " " in text or len(text) > LONGEST_BASE:
        raise Invalid.field(
            FIELD, f"Give a host, and a port and path if need be, in {LONGEST_BASE} characters; nothing else."
        )
    return text


def is_loopback(url: str) -> bool:
    """Does it lead every machine to itself?"""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def used_base(authority: Authority) -> str:
    """The base that certificates point to; "" where they point nowhere. Loopback counts in the demo alone."""
    base = authority.pki_base_url
    demo = authority.demo or acting().demo
    return "" if not base or (is_loopback(base) and not demo) else base


def addresses(authority: Authority) -> Extensions:
    """What certificates of this authority say about where to look; empty where they say nothing."""
    base = used_base(authority)
    if not base or authority.private_key is None:
        return Extensions()
    place = f"{base}/pki/{authority.pk}"
    return Extensions(
        crl_urls=(f"{place}/ca.crl",) if signs_crls(authority) else (),
        ocsp_urls=(f"{place}/ocsp",),
        issuer_urls=(f"{place}/ca.crt",),
    )


def signs_crls(authority: Authority) -> bool:
    """May it? A certificate that was made elsewhere may lack the key usage."""
    return _may_sign_crls(authority.body)


@lru_cache(maxsize=256)
def _may_sign_crls(body: str) -> bool:
    usage = facts(load(body)).extensions.key_usage
    return usage is None or "crl_sign" in usage


def warning(authority: Authority) -> str:
    """Why those who check certificates of this authority learn of a revocation less than they could; "" if they do."""
    if authority.private_key is None:
        return ""
    return " ".join(filter(None, (_no_list(authority), _nowhere(authority))))


def _no_list(authority: Authority) -> str:
    if signs_crls(authority):
        return ""
    return _(
        "It cannot publish a revocation list: its certificate's key usage lacks cRLSign. What it revokes is told by "
        "its OCSP responder alone."
    )


def _nowhere(authority: Authority) -> str:
    """Why its certificates say nothing of where to look."""
    if used_base(authority):
        return ""
    if authority.pki_base_url:
        return _(
            "Its public base URL leads every machine to itself, so certificates are issued without the addresses of "
            "revocation list and OCSP responder."
        )
    return _(
        "It has no public base URL, so certificates are issued without the addresses of revocation list and OCSP "
        "responder: nobody who checks them learns of a revocation."
    )
