"""What the operator opens by settings reaches the plugins, and what cannot be opened stops the start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from plugins import commands
from plugins.destinations import directory as destination
from plugins.sources import directory as source

OPENED = (source.directories, destination.directories)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    roots, named = [one.roots for one in OPENED], commands._commands
    yield
    for one, before in zip(OPENED, roots, strict=True):
        one.roots = before
    commands.configure(named)


def test_the_settings_reach_the_plugins(settings):
    settings.SOURCE_DIRECTORIES, settings.DESTINATION_DIRECTORIES = ["/srv/read"], ["/srv/write"]
    settings.RELOAD_COMMANDS = {"nginx": ["systemctl", "reload", "nginx"]}
    apps.get_app_config("stores").ready()
    assert [one.allowed(path) for one, path in zip(OPENED, ("/srv/read/x", "/srv/write/x"), strict=True)]
    assert commands.allowed("nginx") == "nginx"
    with pytest.raises(ValueError, match="DESTINATION_DIRECTORIES allows: /srv/write"):
        destination.directories.allowed("/srv/read")


@pytest.mark.parametrize("name", ["SOURCE_DIRECTORIES", "DESTINATION_DIRECTORIES"])
def test_what_is_no_directory_is_named_at_start(settings, name: str):
    setattr(settings, name, ["relative"])
    with pytest.raises(ImproperlyConfigured, match=f"{name}: 'relative' is no absolute path"):
        apps.get_app_config("stores").ready()
