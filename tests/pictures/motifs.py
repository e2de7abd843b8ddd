"""What each picture shows: how a visitor gets there, and down to where the page is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import expect

from tests.pki_material import material, now
from tests.ui.product import Site, Visitor

COMPANY = "outfitters.example"


@dataclass(frozen=True)
class Motif:
    """``until``: what the picture ends below. ``alone``: it shows nothing but that."""

    pose: Callable[[Visitor, Site], None]
    until: str
    alone: bool = False


def _overview(visitor: Visitor, site: Site) -> None:
    visitor.open("/")


def _certificates(visitor: Visitor, site: Site) -> None:
    visitor.open("/certificates/?filter_owner=platform&ordering=not_after")
    visitor.page.get_by_text("Filters", exact=True).click()


def _certificate(visitor: Visitor, site: Site) -> None:
    visitor.open(f"/certificates/{site.certificate(f'www.{COMPANY}')}")


def _order(visitor: Visitor, site: Site) -> None:
    """Written until the preview knows everything; the cursor does not blink in what is left."""
    visitor.open("/certificates/new")
    visitor.page.get_by_label("Owner").fill(f"platform@{COMPANY}")
    visitor.page.get_by_label("Names").press_sequentially(f"git.{COMPANY}\ncode.{COMPANY}")
    expect(visitor.page.locator("#preview")).to_contain_text(f"CN=git.{COMPANY}")
    expect(visitor.page.locator("#preview")).to_contain_text("There is one for such a name already")
    visitor.page.get_by_label("Names").blur()


def _import(visitor: Visitor, site: Site) -> None:
    """One with its key and chain, one that has expired, one that is here already, and a key of nobody."""
    intranet, wiki = (material().leaf_with(names=[f"{name}.{COMPANY}"]) for name in ("intranet", "wiki"))
    over = now() - timedelta(days=2)
    old = material().leaf_with(names=[f"survey.{COMPANY}"], not_before=over - timedelta(days=90), not_after=over)
    known = site.api.get(f"certificates/{site.certificate(f'erp.{COMPANY}')}")["body"]
    chain = material().intermediate.pem + material().root.pem
    visitor.open("/certificates/import")
    visitor.fill("Certificate (PEM)", intranet.pem + intranet.key_pem + chain + wiki.pem + old.pem + known)
    visitor.fill("Owner", f"platform@{COMPANY}")
    visitor.press("Preview")
    expect(visitor.region("4 certificates found, 3 can be imported")).to_be_visible()


def _authorities(visitor: Visitor, site: Site) -> None:
    visitor.open("/authorities/")


def _batch(visitor: Visitor, site: Site) -> None:
    visitor.open("/certificates/?filter_owner=platform&phase=valid")
    visitor.page.get_by_label("All on this page", exact=True).check()
    visitor.page.get_by_label("With those that are ticked").select_option("Hand over to another owner")
    visitor.page.get_by_role("button", name="Go on").click()
    visitor.fill("New owner", f"data@{COMPANY}")


def _endpoints(visitor: Visitor, site: Site) -> None:
    visitor.open("/endpoints/")


def _found(visitor: Visitor, site: Site) -> None:
    visitor.open("/found/")


MOTIFS = {
    "overview": Motif(_overview, until="[aria-labelledby=timeline-title]"),
    "certificates": Motif(_certificates, until="#listing"),
    "certificate": Motif(_certificate, until="main"),
    "order": Motif(_order, until="#preview"),
    "import": Motif(_import, until="#import-found section", alone=True),
    "authorities": Motif(_authorities, until="main .card"),
    "batch": Motif(_batch, until="main form"),
    "endpoints": Motif(_endpoints, until="#listing"),
    "found": Motif(_found, until="#listing"),
}
