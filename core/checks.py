"""System checks that explain a wrong setting with a hint: ``manage.py check --deploy`` is the installation test."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from core.errors import Unavailable
from core.secrets import keyring
from pki.errors import SealError
from plugins import PluginUnavailable, registry

SETTINGS = "settings"
"""The tag of all of them: ``manage.py check --tag settings``."""
LONGEST_ISSUER = 200
"""What the table of who is who has room for."""


@register(SETTINGS)
def encryption_keys(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Can keys be sealed at all?"""
    try:
        keyring()
    except (SealError, Unavailable) as error:
        hint = "Make one with `manage.py create_encryption_key` and set ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE."
        return [Error(f"ENCRYPTION_KEYS cannot be used: {error}", hint=hint, id="core.E001")]
    return []


@register(SETTINGS)
def key_custody(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Is there whoever is to keep the private keys?"""
    try:
        registry.get(settings.KEY_CUSTODY, "custody")
    except PluginUnavailable as error:
        hint = f"Available: {', '.join(entry.slug for entry in registry.of_kind('custody'))}."
        return [Error(f"KEY_CUSTODY: {error}", hint=hint, id="core.E002")]
    return []


@register(SETTINGS)
def allowed_domains(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Do the patterns compile? A bad one would otherwise refuse, or worse allow, every order."""
    problems: list[CheckMessage] = []
    for pattern in settings.LEMUR_ALLOWED_DOMAINS:
        try:
            re.compile(pattern)
        except re.error as error:
            problems.append(
                Error(f"LEMUR_ALLOWED_DOMAINS: {pattern!r} is no regular expression: {error}", id="core.E003")
            )
    return problems


@register(SETTINGS)
def public_base(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Can certificates bear this address?"""
    if not settings.PKI_ROOT or re.fullmatch(r"http://[^\s/?#@]+(/[^\s?#]*)?", settings.PKI_ROOT):
        return []
    hint = "Set it to http:// and a host that leads to this site, or leave it empty."
    return [
        Error(f"PKI_ROOT is {settings.PKI_ROOT!r}: revocation is looked up over plain HTTP.", hint=hint, id="core.E004")
    ]


@register(SETTINGS, deploy=True)
def transport(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Is the site reached over HTTPS?"""
    if settings.SITE_ROOT.startswith("https://") or re.match(r"http://(127\.|localhost|\[::1\])", settings.SITE_ROOT):
        return []
    hint = "Put a proxy with TLS in front and set SITE_ROOT=https://… and TRUSTED_PROXIES."
    return [
        checks.Warning(
            f"SITE_ROOT is {settings.SITE_ROOT}: log-ins and keys would cross the network in clear.",
            hint=hint,
            id="core.W001",
        )
    ]


@register(SETTINGS)
def identity_provider(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Is all of it there, and does nobody listen on the way?"""
    issuer = settings.OIDC_ISSUER
    if not issuer:
        return []
    problems: list[CheckMessage] = []
    if not re.match(r"https://[^/?#@\s]|http://(127\.|localhost\b|\[::1\])", issuer) or len(issuer) > LONGEST_ISSUER:
        hint = f"Copy the issuer from the provider: https:// and at most {LONGEST_ISSUER} characters."
        problems.append(Error(f"OIDC_ISSUER is {issuer!r}.", hint=hint, id="core.E005"))
    if not settings.OIDC_CLIENT_ID:
        hint = "The provider gave it to you with the secret."
        problems.append(Error("OIDC_CLIENT_ID is empty, but OIDC_ISSUER is not.", hint=hint, id="core.E006"))
    if settings.OIDC_CA_FILE and not os.access(settings.OIDC_CA_FILE, os.R_OK):
        hint = "Name a file with the provider's root certificates as PEM that this account may read, or leave it empty."
        problems.append(
            Error(f"OIDC_CA_FILE is {settings.OIDC_CA_FILE!r}, which cannot be read.", hint=hint, id="core.E007")
        )
    return problems
