"""Every page in light and dark, wide and narrow: pictures to look at, no errors, nothing that axe-core objects to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.product import NARROW, SCREENSHOTS, WIDE, Site, Visitor

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js").read_text()
PAGES = {
    "overview": "/",
    "certificates": "/certificates/",
    "certificates-expiring": "/certificates/?phase=expiring&ordering=not_after&filter_owner=data",
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
    "reissue": "/certificates/{www}/reissue",
    "orders": "/certificates/orders?state=done",
    "orders-none": "/certificates/orders",
    "order-done": "/certificates/orders/1",
    "domains": "/domains/",
    "domain-new": "/domains/new",
    "endpoints": "/endpoints/",
    "key": "/certificates/{www}/key",
    "authorities": "/authorities/",
    "authority": "/authorities/{authority}",
    "authority-new": "/authorities/new",
    "notifications": "/notifications/",
    "notifications-none": "/notifications/?q=no+such+notification",
    "notification": "/notifications/{notification}",
    "notification-kinds": "/notifications/new",
    "notification-new": "/notifications/new/email-notification",
    "notification-edit": "/notifications/{notification}/edit",
    "notification-delete": "/notifications/{notification}/delete",
    "policies": "/policies/",
    "policy-new": "/policies/new",
    "people": "/people/",
    "person": "/people/{admin}",
    "person-new": "/people/new",
    "person-edit": "/people/{admin}/edit",
    "roles": "/roles/",
    "role": "/roles/{role}",
    "role-new": "/roles/new",
    "role-edit": "/roles/{role}/edit",
    "role-members": "/roles/{role}/members",
    "role-delete": "/roles/{role}/delete",
    "role-credentials": "/roles/{role}/credentials",
    "account": "/account",
    "key-new": "/account/keys/new",
    "password": "/account/password",
    "audit": "/audit/",
    "audit-narrowed": "/audit/?event=role.created&actor=system",
    "not-found": "/nothing",
}
FORMS = {
    "order": "Order the certificate",
    "import": "Import",
    "authority-new": "Create the authority",
}
LIBRARIES = {"api-docs": "/api/docs", "admin": "/admin/", "admin-certificates": "/admin/certificates/certificate/"}

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
    found["notification"] = site.api.get("notifications?count=1")["items"][0]["id"]
    people = {
        "admin": site.api.get("auth/me")["id"],
        "role": site.api.post("roles", name="dba", password="Oracle 5!")["id"],
    }
    return {**found, **people, "root": roots[0], "authority": next(one["id"] for one in authorities if one["parent"])}


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


@pytest.fixture(scope="module")
def windows(site: Site) -> Iterator[dict[str, Visitor]]:
    """One for each theme, so that static files are fetched once."""
    with site.visitor(color_scheme="light") as light, site.visitor(color_scheme="dark") as dark:
        yield {"light": light, "dark": dark}


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def window(windows: dict[str, Visitor], theme: str) -> Iterator[Visitor]:
    """Wide, and without problems afterwards."""
    visitor = windows[theme]
    visitor.page.set_viewport_size(WIDE)
    visitor.problems.clear()
    yield visitor
    assert visitor.problems == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_well_also_on_a_telephone(window: Visitor, ids: dict[str, Any], name: str, theme: str) -> None:
    window.open(PAGES[name].format(**ids))
    picture(window, f"{name}-{theme}")
    assert window.page.locator("html").get_attribute("data-bs-theme") == theme
    assert faults(window) == []
    window.page.set_viewport_size(NARROW)
    picture(window, f"{name}-{theme}-narrow")
    assert window.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("name", FORMS)
def test_a_refused_form_with_everything_open_shows_well(window: Visitor, name: str, theme: str) -> None:
    window.open(PAGES[name])
    window.fill("Owner", "nobody")
    window.press(FORMS[name])
    window.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    picture(window, f"{name}-refused-{theme}")
    assert window.page.get_by_role("alert").count() == 1
    assert faults(window) == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_pages_of_libraries_keep_our_security_policy(window: Visitor, name: str, theme: str) -> None:
    window.open(LIBRARIES[name])
    window.page.wait_for_load_state("networkidle")
    picture(window, f"{name}-{theme}")


def test_the_log_in_page_shows_well(site: Site, theme: Any) -> None:
    with site.visitor(logged_in=False, color_scheme=theme) as visitor:
        visitor.open("/login")
        picture(visitor, f"login-{theme}")
        assert faults(visitor) == []
