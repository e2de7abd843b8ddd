"""Orders that a slow authority leaves open: waited for, brought by hand, looked at, given up."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pki_material import as_pem, certificate, name, p256
from tests.system.installation import wait_until
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")

LATER = 120.0  # seconds until the sweep has surely been there


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the authority leaves what it issued."""
    return tmp_path_factory.mktemp("left")


@pytest.fixture(scope="module")
def slow(site: Site, left: Path) -> int:
    return site.slow_authority("Slow", left)


def order(me: Visitor, authority: int, host: str) -> None:
    me.open(f"/certificates/new?authority={authority}")
    me.fill("Names", host)
    me.fill("Owner", "web@example.com")
    me.press("Order the certificate")


def test_an_open_order_is_fulfilled_by_hand(visitor: Visitor, slow: int, left: Path) -> None:
    order(visitor, slow, "wait.by-hand.example.com")
    assert visitor.told == "The authority is at work; the certificate appears once it has answered."
    assert (visitor.heading, visitor.state) == ("wait.by-hand.example.com", "Waiting")
    visitor.open("/")
    visitor.follow("Open orders", inside="#sidebar")
    visitor.follow("wait.by-hand.example.com")

    visitor.fill("Certificate (PEM)", as_pem(certificate(name("wait.by-hand.example.com"), p256())))
    visitor.press("Record the certificate")
    assert "Slow did not sign this certificate." in visitor.error_at("Certificate (PEM)")
    visitor.fill("Certificate (PEM)", (left / "wait.by-hand.example.com.pem").read_text())
    visitor.press("Record the certificate")
    assert visitor.told == "The certificate is recorded."
    assert (visitor.heading, visitor.state) == ("wait.by-hand.example.com", "Valid")
    expect(visitor.page.get_by_role("link", name="Show the key")).to_be_visible()
    visitor.open("/certificates/orders?q=wait.by-hand&state=done")
    visitor.follow("wait.by-hand.example.com")
    assert visitor.state == "Issued"


def test_an_order_in_doubt_is_looked_at_and_given_up(visitor: Visitor, slow: int) -> None:
    order(visitor, slow, "doubt.given-up.example.com")
    wait_until(lambda: _reloaded(visitor) == "Look at it", LATER)
    assert "The answer was cut off." in visitor.region("What was asked for").inner_text()
    visitor.fill("Why", "Asked by telephone: there is none.")
    visitor.press("Give the order up")
    assert (visitor.told, visitor.state) == ("The order is given up.", "Given up")
    assert "Asked by telephone" in visitor.region("What was asked for").inner_text()
    assert visitor.page.get_by_role("button", name="Try again").count() == 0  # its key is gone
    visitor.open("/certificates/orders?q=given-up&state=failed")
    expect(visitor.page.locator("#listing tbody tr")).to_have_count(1)


def test_a_refused_order_says_why(visitor: Visitor, slow: int) -> None:
    order(visitor, slow, "refuse.example.com")
    assert "This name is not allowed here." in visitor.page.locator("body").inner_text()
    visitor.problems.clear()  # 503: the authority is to blame, not whoever ordered


def _reloaded(me: Visitor) -> str:
    me.page.reload()
    return me.state
