"""Fixtures for tests with a browser: one product and one browser for the whole folder.

They have package scope because a running Playwright must be gone before other tests use the ORM.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.servers.oidc_mock import MockProvider, mock_provider
from tests.servers.smtp import PASSWORD, USER, MailServer, mail_server
from tests.system.documents import blocks
from tests.system.installation import Installation
from tests.ui import slow_ca
from tests.ui.product import FLAGS, Site, Visitor, running


@pytest.fixture(scope="package")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """Wants STARTTLS and a password."""
    with mail_server(tmp_path_factory.mktemp("mail"), security="starttls", auth=True) as server:
        yield server


@pytest.fixture(scope="package")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of this machine that the operator opens for sources."""
    return tmp_path_factory.mktemp("opened")


@pytest.fixture(scope="package")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    """Where people have accounts of the company."""
    with mock_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def as_the_page_says(provider: MockProvider) -> dict[str, str]:
    """The settings of docs/howto/sign-in-with-oidc.md, of this provider."""
    named = dict(line.split("=", 1) for line in blocks("docs/howto/sign-in-with-oidc.md", "ini")[0].splitlines())
    return {**named, "OIDC_ISSUER": provider.issuer}


@pytest.fixture(scope="package")
def product(
    tmp_path_factory: pytest.TempPathFactory, mailbox: MailServer, opened: Path, provider: MockProvider
) -> Iterator[Site]:
    """The real product with the demo company, a mail server and a package's plugin; background work is quick.

    Tests of all files share it: what they look at they make, under a name of its own, or it is the demo's.
    """
    place = Installation(
        tmp_path_factory.mktemp("ui") / "home",
        EMAIL_URL=f"smtp+tls://{USER}:{quote(PASSWORD)}@localhost:{mailbox.port}",
        EMAIL_CA_FILE=mailbox.ca_file,
        LEMUR_EMAIL="pki@example.org",
        SOURCE_DIRECTORIES=str(opened),
        OUTBOUND_ALLOW="127.0.0.0/8",
        STEP_UP_MINUTES="600",  # longer than these tests take
        **as_the_page_says(provider),
        SWEEP_DEPLOYMENTS_SECONDS="2",
        SWEEP_NOTICES_SECONDS="5",
        SWEEP_NOTIFY_EXPIRING_SECONDS="5",
        SWEEP_ORDERS_SECONDS="2",
        PYTHONPATH=slow_ca.install(tmp_path_factory.mktemp("packages")),
    )
    with running(place) as site:
        yield site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium-headless-shell"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(product: Site, browser: Browser) -> Site:
    """The product, visited with that browser."""
    product.browser = browser
    return product


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    """Logged in as the administrator."""
    with site.visitor() as visitor:
        yield visitor
