"""Times on pages: the reader's, with the exact UTC in the tooltip; without script, UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator

from tests.ui.looking import CUT_OFF, picture
from tests.ui.product import NARROW, Site

pytestmark = pytest.mark.server("chromium-headless-shell")
KOLKATA = timedelta(hours=5, minutes=30)


def moment(time: Locator) -> datetime:
    return datetime.fromisoformat(time.get_attribute("datetime") or "")


def test_they_are_said_in_the_readers_zone(site: Site) -> None:
    with site.visitor(timezone_id="Asia/Kolkata") as visitor:
        visitor.open("/audit/")
        time = visitor.page.locator("main table time").first
        assert time.inner_text() == f"{moment(time) + KOLKATA:%Y-%m-%d %H:%M} GMT+5:30"
        assert time.get_attribute("title") == f"{moment(time):%Y-%m-%d %H:%M:%S} UTC"


def test_also_in_what_is_loaded_later(site: Site) -> None:
    with site.visitor(timezone_id="Asia/Kolkata") as visitor:
        visitor.open("/audit/")
        with visitor.page.expect_response(lambda response: "q=outfitters" in response.url):
            visitor.page.locator("main [name=q]").fill("outfitters")
        visitor.page.wait_for_function("document.querySelectorAll('main time[data-precision]').length === 0")
        found = visitor.page.locator("main table time").all_inner_texts()
        assert found
        assert all(text.endswith("GMT+5:30") for text in found)


def test_without_script_they_are_in_utc(site: Site) -> None:
    with site.visitor(java_script_enabled=False) as visitor:
        visitor.open("/audit/")
        time = visitor.page.locator("main table time").first
        assert time.inner_text() == f"{moment(time):%Y-%m-%d %H:%M} UTC"


@pytest.mark.parametrize(
    "path", ["/", "/audit/", "/certificates/", "/authorities/", "/certificates/{}", "/notifications/1"]
)
def test_the_longest_zone_fits_on_a_telephone(site: Site, path: str) -> None:
    with site.visitor(timezone_id="Asia/Kolkata", viewport=NARROW) as visitor:
        visitor.open(path.format(site.certificate("www.outfitters.example")))
        picture(visitor, f"zone-{path.strip('/').partition('/')[0] or 'overview'}-{path.count('{}')}")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert visitor.page.evaluate(CUT_OFF) == []
