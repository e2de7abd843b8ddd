"""Fixtures for tests with a browser. Module scope: a running Playwright must be gone before other tests use the ORM."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.system.installation import Installation
from tests.ui.product import FLAGS, Site, Visitor


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo() -> str:
    """Override with "1" for a product that holds the demo company."""
    return "0"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo: str, browser: Browser) -> Iterator[Site]:
    """The real product, started once per file."""
    place = Installation(tmp_path_factory.mktemp("ui") / "home", LEMUR_DEMO=demo)
    running = place.start()
    try:
        running.wait_until_ready()
        yield Site(place, browser)
    finally:
        running.end()


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    """Logged in as the administrator."""
    with site.visitor() as visitor:
        yield visitor
