"""The plain Django way: `migrate`, `createsuperuser`, `runserver`, without `manage.py up` and its worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system.api import Api
from tests.system.installation import Installation, wait_until

PASSWORD = "Three plain Django words: 3!"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Set up and served by Django's own commands."""
    place = Installation(tmp_path_factory.mktemp("plain") / "home")
    for command in (
        ("migrate", "-v0"),
        ("createsuperuser", "--noinput", "--username=admin", "--email=admin@example.com"),
    ):
        done = place.manage(*command, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
    running = place.start("runserver", "--noreload", f"127.0.0.1:{place.port}")
    try:
        wait_until(place.is_up, 30)
        yield place
    finally:
        running.end()


def test_the_installation_checks_itself(place: Installation) -> None:
    done = place.manage("check")
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_a_certificate_is_issued_at_once_without_a_worker(place: Installation) -> None:
    api = Api(place, PASSWORD)
    api.post("authorities", name="Root", commonName="Example Root CA", owner="pki@example.com")
    leaf = api.post("certificates", authority={"name": "Root"}, owner="web@example.com", commonName="www.example.com")
    assert leaf["cn"] == "www.example.com"


def test_pages_and_their_static_files_are_served(place: Installation) -> None:
    with requests.Session() as browser:
        root = f"http://127.0.0.1:{place.port}"
        form = browser.get(f"{root}/login", timeout=30).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token is not None, form
        fields = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token.group(1)}
        page = browser.post(f"{root}/login", data=fields, timeout=30)
        assert page.url == f"{root}/"
        assert "<h1>Overview</h1>" in page.text
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert len(files) >= 4
        assert {browser.get(root + file, timeout=30).status_code for file in files} == {200}


def test_what_it_makes_is_private(place: Installation) -> None:
    made = [path for path in Path(place.home).iterdir() if path.is_file()]
    assert {"secret-key", "encryption-keys", "lemur.sqlite3"} <= {path.name for path in made}
    assert {"secret-key", "encryption-keys"} & {path.name for path in made if path.stat().st_mode & 0o077} == set()
    assert place.home.stat().st_mode & 0o077 == 0
