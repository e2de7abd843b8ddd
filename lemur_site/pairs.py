"""Settings that say what stands for what."""

from __future__ import annotations

import re
import shlex

from django.core.exceptions import ImproperlyConfigured


def of_ids(name: str, values: list[str]) -> dict[int, int]:
    """``3=7,4=7`` as ids. Raises ImproperlyConfigured, naming the setting."""
    found: dict[int, int] = {}
    for value in values:
        matched = re.fullmatch(r"\s*([0-9]{1,18})\s*=\s*([0-9]{1,18})\s*", value)
        if matched is None or int(matched[1]) in found:
            raise ImproperlyConfigured(f"{name} must be ids with a new id each, such as 3=7,4=7, not {value!r}.")
        found[int(matched[1])] = int(matched[2])
    return found


def of_roles(name: str, values: list[str]) -> list[tuple[str, str]]:
    """``CN=PKI admins=admin`` as (group, role): the last ``=`` parts them. Raises ImproperlyConfigured."""
    found = [(group.strip(), role.strip()) for group, _, role in (value.rpartition("=") for value in values)]
    if not all(group and role for group, role in found):
        raise ImproperlyConfigured(f"{name} must be groups with a role each, such as pki-admins=admin,devs=team-web.")
    return found


def of_commands(name: str, values: list[str]) -> dict[str, list[str]]:
    """``nginx=systemctl reload nginx`` as words by name, quoted as in a shell. Raises ImproperlyConfigured."""
    found: dict[str, list[str]] = {}
    for value in values:
        called, _, command = value.partition("=")
        words = _words(command)
        if not words or not re.fullmatch(r"\s*[A-Za-z0-9_-]{1,64}\s*", called) or called.strip() in found:
            raise ImproperlyConfigured(
                f"{name} must be names with a command each, such as nginx=systemctl reload nginx, not {value!r}."
            )
        found[called.strip()] = words
    return found


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
