"""How a page looks, in light and dark, wide and on a telephone: what is wrong with it, and pictures to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from playwright.sync_api import expect

from tests.ui.product import NARROW, WIDE, Visitor

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js").read_text()
SCREENSHOTS = Path(__file__).parent / "screenshots"
CUT_OFF = """[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).map(
    one => one.innerText.slice(0, 200))"""
BEYOND = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > page.clientWidth);
    return [`the page is ${page.scrollWidth} wide, by ` + wide.slice(-1).map(one => one.outerHTML.slice(0, 300))];
}"""
PICTURES = os.environ.get("PICTURES", "")  # "1": taken, which makes these tests take half as long again


def shows_well(visitor: Visitor, name: str) -> None:
    """The page that is open, in both themes and widths. It is left wide and light."""
    picture(visitor, f"{name}-light")
    assert faults(visitor) == [], name
    light_up(visitor, "dark")
    picture(visitor, f"{name}-dark")
    assert faults(visitor, "color-contrast") == [], f"{name}, dark"
    visitor.page.set_viewport_size(NARROW)
    picture(visitor, f"{name}-dark-narrow")
    light_up(visitor, "light")
    picture(visitor, f"{name}-light-narrow")
    assert overflow(visitor) == [], name
    visitor.page.set_viewport_size(WIDE)


def overflow(visitor: Visitor) -> list[str]:
    """What one must push aside to read: tables that do not fit their place, and what makes the page too wide."""
    tables: list[str] = visitor.page.evaluate(CUT_OFF)
    beyond: list[str] = visitor.page.evaluate(BEYOND)
    return [*(f"a table: {text}" for text in tables), *beyond]


def light_up(visitor: Visitor, theme: Theme) -> None:
    visitor.page.emulate_media(color_scheme=theme)
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", theme)


def faults(visitor: Visitor, *rules: str) -> list[str]:
    """What axe-core objects to, one line per element; of these rules, or of all."""
    if not visitor.page.evaluate("'axe' in window"):
        visitor.page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = visitor.page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def picture(visitor: Visitor, name: str) -> None:
    """Of the whole page, if pictures are wanted."""
    if PICTURES:
        SCREENSHOTS.mkdir(exist_ok=True)
        visitor.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
