"""Who looks after a certificate, and by which rules: owner, rotation policy, sensitive domains."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


def may_edit(me: Visitor, path: str) -> bool:
    me.open(path)
    return me.page.locator("main").get_by_role("link", name="Edit", exact=True).count() == 1


def test_a_certificate_gets_another_owner(site: Site, visitor: Visitor) -> None:
    site.person("dora", "day@example.com")
    site.person("nils", "night@example.com")
    path = f"/certificates/{site.order('handed-over.example.com', site.issuing, 'day@example.com')}"
    with site.window_of("dora") as dora, site.window_of("nils") as nils:
        assert (may_edit(dora, path), may_edit(nils, path)) == (True, False)
        visitor.open(path)
        visitor.follow("Edit")
        visitor.fill("Owner", "night@example.com")
        visitor.press("Save")
        assert visitor.told == "Saved."
        assert "night@example.com" in visitor.region("Who looks after it").inner_text()
        assert (may_edit(dora, path), may_edit(nils, path)) == (False, True)


def test_a_rotation_policy_is_followed(site: Site, visitor: Visitor) -> None:
    visitor.open("/policies/new")
    visitor.fill("Name", "fortnight")
    visitor.fill("Days before the end", "14")
    visitor.press("Create the policy")
    visitor.open(f"/certificates/{site.order('rotating.example.com', site.issuing)}/edit")
    visitor.choose("Renew it by itself", "checkbox")
    visitor.field("Rotation policy").select_option("fortnight")
    visitor.press("Save")
    assert "by itself, from" in visitor.region("Who looks after it").inner_text()
    visitor.open("/policies/")
    row = visitor.page.get_by_role("row", name=re.compile("^fortnight"))
    cells = [text.strip() for text in row.get_by_role("cell").all_inner_texts()]
    assert cells[:3] == ["14 days before the end", "any time", "1"]
    assert row.get_by_role("button").count() == 0  # what is followed cannot be deleted


def test_a_sensitive_domain_is_ordered_by_trusted_people_only(site: Site, visitor: Visitor) -> None:
    site.person("ingo", "shop@outfitters.example")
    visitor.open("/domains/")
    visitor.follow("Add a domain")
    visitor.fill("Name", "vault.outfitters.example")
    visitor.press("Add")
    assert visitor.told == "The domain is known now."
    visitor.page.get_by_label("Search", exact=True).fill("vault.outfitters")
    rows = visitor.page.locator("#listing tbody tr")
    expect(rows).to_have_count(1)
    assert "Everybody" in rows.inner_text()
    rows.get_by_role("button", name="Mark as sensitive").click()
    expect(rows).to_contain_text("Trusted people")

    with site.window_of("ingo") as ingo:
        ingo.open("/certificates/new")
        ingo.fill("Names", "vault.outfitters.example")
        ingo.fill("Owner", "shop@outfitters.example")
        ingo.press("Order the certificate")
        assert "vault.outfitters.example" in ingo.error_at("Names")
        rows.get_by_role("button", name="Open to everybody").click()
        expect(rows).to_contain_text("Everybody")
        ingo.press("Order the certificate")
        assert (ingo.told, ingo.heading) == ("The certificate was issued.", "vault.outfitters.example")
