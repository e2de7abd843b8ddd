"""One certificate takes the place of another: reissued, ordered anew, or brought from elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.pki_material import as_pem, certificate, name, p256
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


def own_name(me: Visitor) -> str:
    """What it is called here."""
    return me.region("Who looks after it").locator("dt:text-is('Name') + dd").inner_text()


def before_and_after(me: Visitor, old: str) -> None:
    """From the page of the new one to that of the old one, and back: both say it."""
    new = own_name(me)
    assert f"replaces {old}" in me.region("Before and after").inner_text()
    me.follow(old)
    assert (own_name(me), me.state) == (old, "Replaced")
    assert f"replaced by {new}" in me.region("Before and after").inner_text()
    me.follow(new)
    assert own_name(me) == new


def test_a_certificate_is_reissued(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.order('reissued.example.com', site.issuing)}")
    old, serial = own_name(visitor), visitor.page.locator("#serial").inner_text()
    visitor.follow("Reissue")
    assert "reissued.example.com" in visitor.page.locator("main .facts").inner_text()
    visitor.press("Reissue")
    assert (visitor.told, visitor.heading) == ("The certificate was issued.", "reissued.example.com")
    assert visitor.page.locator("#serial").inner_text() != serial
    before_and_after(visitor, old)


def test_a_reissued_certificate_may_leave_the_old_one_in_its_place(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.order('both-stay.example.com', site.issuing)}")
    old = visitor.path
    visitor.follow("Reissue")
    visitor.page.get_by_role("checkbox", name="The new one takes its place").uncheck()
    visitor.press("Reissue")
    assert visitor.told == "The certificate was issued."
    assert visitor.region("Before and after").count() == 0
    visitor.open(old)
    assert visitor.state == "Valid"


def test_a_certificate_is_replaced_by_one_with_another_name_more(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.order('grown.example.com', site.issuing, 'grown@example.com')}")
    old = own_name(visitor)
    visitor.follow("Replace")
    assert visitor.heading == "Order a certificate"
    expect(visitor.page.locator("#order .note")).to_contain_text(f"It replaces {old}")
    assert visitor.field("Owner").input_value() == "grown@example.com"
    names = visitor.field("Names")
    names.fill(f"{names.input_value()}\nnot a name!")
    visitor.press("Order the certificate")
    expect(visitor.page.locator("#order .note").filter(has_text=f"It replaces {old}")).to_be_visible()
    names.fill("grown.example.com\nwww.grown.example.com")
    visitor.press("Order the certificate")
    assert visitor.told == "The certificate was issued."
    assert "www.grown.example.com" in visitor.region("2 names").inner_text()
    before_and_after(visitor, old)


def test_an_imported_certificate_is_replaced_by_another_import(visitor: Visitor) -> None:
    first, second = (as_pem(certificate(name("brought.example.com"), p256())) for _ in range(2))
    visitor.open("/certificates/import")
    visitor.fill("Certificate (PEM)", first)
    visitor.fill("Owner", "web@example.com")
    visitor.press("Import")
    old = own_name(visitor)
    visitor.follow("Replace")
    assert visitor.heading == "Import certificates"
    assert visitor.field("Replaces").input_value() == old
    visitor.fill("Certificate (PEM)", second)
    visitor.fill("Replaces", "nobody knows it")
    visitor.press("Import")
    assert visitor.error_at("Replaces") == "There is no certificate called nobody knows it."
    visitor.fill("Replaces", old)
    visitor.press("Import")
    assert visitor.told == "The certificate was imported."
    before_and_after(visitor, old)
