"""Every page in light and dark, wide and narrow: pictures to look at, no errors, nothing that axe-core objects to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.product import NARROW, SCREENSHOTS, WIDE, Site, Visitor

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js").read_text()
PAGES = {
    "overview": "/",
    "certificates": "/certificates/",
    "certificates-expiring": "/certificates/?phase=expiring&ordering=not_after&owner=data",
    "certificates-none": "/certificates/?q=no+such+certificate",
    "certificate": "/certificates/{www}",
    "certificate-authority": "/certificates/{root}",
    "certificate-revoked": "/certificates/{metrics}",
    "certificate-replaced": "/certificates/{git}",
    "certificate-imported": "/certificates/{partner-edi}",
    "order": "/certificates/new",
    "import": "/certificates/import",
    "export-pem": "/certificates/{www}/export",
    "export-pkcs12": "/certificates/{www}/export?plugin=openssl-export",
    "edit": "/certificates/{www}/edit",
    "key": "/certificates/{www}/key",
    "authorities": "/authorities/",
    "authority": "/authorities/{authority}",
    "authority-new": "/authorities/new",
    "not-found": "/nothing",
}
FORMS = {"order": "Order the certificate", "import": "Import", "authority-new": "Create the authority"}
FOREIGN = {"api-docs": "/api/docs", "admin": "/admin/", "admin-certificates": "/admin/certificates/certificate/"}

pytestmark = pytest.mark.server("chromium")


@pytest.fixture(scope="module")
def demo() -> str:
    return "1"


@pytest.fixture(scope="module")
def ids(site: Site) -> dict[str, Any]:
    """The ids of what the pages show, by the first part of the common name."""
    certificates = site.api.get("certificates?count=100&sortBy=id&sortDir=desc")["items"]
    found = {(one["cn"] or "").partition(".")[0]: one["id"] for one in certificates}
    roots = [one["id"] for one in certificates if one["authority"] is None and one["cn"].endswith("Root CA")]
    authorities = site.api.get("authorities?count=10")["items"]
    return {**found, "root": roots[0], "authority": next(one["id"] for one in authorities if one["parent"])}


def faults(visitor: Visitor) -> list[str]:
    """What axe-core objects to, one line per element."""
    visitor.page.evaluate(AXE)
    found = visitor.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def picture(visitor: Visitor, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    visitor.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_well(site: Site, ids: dict[str, Any], name: str, theme: Any) -> None:
    with site.visitor(color_scheme=theme) as visitor:
        visitor.open(PAGES[name].format(**ids))
        picture(visitor, f"{name}-{theme}")
        assert visitor.page.locator("html").get_attribute("data-bs-theme") == theme
        assert faults(visitor) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_log_in_page_shows_well(site: Site, theme: Any) -> None:
    with site.visitor(logged_in=False, color_scheme=theme) as visitor:
        visitor.open("/login")
        picture(visitor, f"login-{theme}")
        assert faults(visitor) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", FORMS)
def test_a_refused_form_with_everything_open_shows_well(site: Site, name: str, theme: Any) -> None:
    with site.visitor(color_scheme=theme) as visitor:
        visitor.open(PAGES[name])
        visitor.fill("Owner", "nobody")
        visitor.press(FORMS[name])
        visitor.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        picture(visitor, f"{name}-refused-{theme}")
        assert visitor.page.get_by_role("alert").count() == 1
        assert faults(visitor) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_telephone(site: Site, ids: dict[str, Any], name: str) -> None:
    with site.visitor(viewport=NARROW) as visitor:
        visitor.open(PAGES[name].format(**ids))
        picture(visitor, f"{name}-narrow")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", FOREIGN)
def test_pages_of_libraries_keep_our_security_policy(site: Site, name: str, theme: Any) -> None:
    with site.visitor(color_scheme=theme, viewport=WIDE) as visitor:
        visitor.open(FOREIGN[name])
        visitor.page.wait_for_load_state("networkidle")
        picture(visitor, f"{name}-{theme}")
