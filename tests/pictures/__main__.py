"""Takes the pictures anew: ``bin/screenshots``, or ``bin/screenshots import order`` for some of them.

The product runs in a directory of its own, with the demo. What a picture shows is the same each time, but for dates,
serial numbers and fingerprints. It needs the Debian package of Chromium (bin/test --setup).
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import FloatRect, Page, sync_playwright

from tests.pictures.motifs import MOTIFS, Motif
from tests.pictures.png import small
from tests.system.installation import ROOT, Installation, wait_until
from tests.ui.looking import THEMES, light_up
from tests.ui.product import FLAGS, Site, Visitor, running

IMAGES = ROOT / "docs" / "images"
CHROMIUM = "chromium-headless-shell"
WIDTH, HEIGHT = 1280, 900
MARGIN = 14
BEGUN = {"SWEEP_ORDERS_SECONDS": "1"}  # the first page says that the work in the background goes on
SWEPT = "from core.models import SweepRun; raise SystemExit(not SweepRun.objects.exists())"
WINDOW = {"timezone_id": "UTC", "locale": "en-GB", "device_scale_factor": 1}


def main() -> None:
    """All of those that were asked for; the product and its directory are gone afterwards."""
    wanted = _options().motifs or list(MOTIFS)
    program = shutil.which(CHROMIUM) or sys.exit(f"{CHROMIUM} is missing: bin/test --setup installs it.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    with _product() as site, sync_playwright() as playwright:
        site.browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        blank = site.browser.new_page()
        with site.visitor(**WINDOW) as visitor:
            for name in wanted:
                _pose(MOTIFS[name], visitor, site)
                _take(name, MOTIFS[name], visitor, blank)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/screenshots", description=__doc__)
    parser.add_argument("motifs", nargs="*", choices=[[], *MOTIFS], help="which; all, if none is named")
    return parser.parse_args()


@contextmanager
def _product() -> Iterator[Site]:
    """New, with the demo and nothing else, once its timetable has begun."""
    with tempfile.TemporaryDirectory(prefix="lemur-pictures-") as folder, _running(Path(folder, "home")) as site:
        wait_until(lambda: site.place.manage("shell", "--no-imports", "-c", SWEPT).returncode == 0)
        yield site


def _running(home: Path) -> AbstractContextManager[Site]:
    return running(Installation(home, **BEGUN))


def _pose(motif: Motif, visitor: Visitor, site: Site) -> None:
    """In a window as high as what it shall show, so that what sticks to the window's top stands on top of it."""
    visitor.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    motif.pose(visitor, site)
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("window.scrollTo(0, 0)")
    box = _box(visitor, motif.until)
    visitor.page.set_viewport_size({"width": WIDTH, "height": round(box["y"] + box["height"]) + MARGIN})


def _take(name: str, motif: Motif, visitor: Visitor, blank: Page) -> None:
    clip = _around(_box(visitor, motif.until)) if motif.alone else None
    for theme in THEMES:
        light_up(visitor, theme)
        path = IMAGES / f"{name}-{theme}.png"
        path.write_bytes(small(blank, visitor.page.screenshot(clip=clip, animations="disabled")))
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB", flush=True)
    light_up(visitor, THEMES[0])


def _box(visitor: Visitor, selector: str) -> FloatRect:
    box = visitor.page.locator(selector).last.bounding_box()
    assert box is not None, f"{selector} is not to be seen"
    return box


def _around(box: FloatRect) -> FloatRect:
    x, y, width, height = box["x"] - MARGIN, box["y"] - MARGIN, box["width"] + 2 * MARGIN, box["height"] + 2 * MARGIN
    return {"x": x, "y": y, "width": width, "height": height}


if __name__ == "__main__":
    main()
