"""Many certificates of a list at once, in a browser; and getting about by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.ui.looking import shows_well
from tests.ui.product import Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


def test_all_that_match_are_handed_over_and_handed_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/certificates/?filter_owner=warehouse&count=1")
    hidden = page.get_by_role("checkbox", name=re.compile(r"all \d+ that match"))
    number = re.search(r"\d+", hidden.locator("..").inner_text())
    assert number is not None
    for owner in ("depot@outfitters.example", "warehouse@outfitters.example"):
        hidden.check()
        page.get_by_label("With those that are ticked").select_option("Hand over to another owner")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text(f"{number[0]} certificates.")).to_be_visible()
        page.get_by_label("New owner").fill(owner)
        shows_well(visitor, "many-question")
        page.get_by_role("button", name=f"Hand over to another owner: {number[0]}").click()
        expect(page.locator("#batch")).to_contain_text(f"{number[0]} of {number[0]} certificates · done")
        shows_well(visitor, "many-done")
        visitor.open(f"/certificates/?filter_owner={owner.partition('@')[0]}&count=1")


def test_what_is_ticked_is_done_and_what_fails_says_why(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/certificates/?phase=valid&q=erp.outfitters")
    page.get_by_label("erp.outfitters.example").check()  # imported: nobody here can renew it
    page.get_by_label("With those that are ticked").select_option("Renew now")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Renew now: 1").click()
    expect(page.locator("#batch")).to_contain_text("1 failed")
    expect(page.get_by_role("row", name="erp.outfitters.example")).to_contain_text("Missing Authority")
    shows_well(visitor, "many-failed")
    expect(page.get_by_role("button", name="Try the rest again")).to_be_visible()


def test_many_are_tagged_and_found_by_their_tags(visitor: Visitor) -> None:
    page, owned = visitor.page, "/certificates/?filter_owner=warehouse&ordering=cn"

    def go_on(verb: str, typed: str) -> None:
        page.get_by_role("checkbox", name="All on this page").check()
        page.get_by_label("With those that are ticked").select_option(verb)
        page.get_by_role("button", name="Go on").click()
        page.get_by_label("Tags").fill(typed)
        shows_well(visitor, f"many-{verb}")
        page.get_by_role("button", name=re.compile(f"{verb}: [0-9]+")).click()
        expect(page.locator("#batch")).to_contain_text("done")

    visitor.open(owned)
    names = page.locator("#listing tbody th a").all_inner_texts()
    go_on("Add tags", "Site:North, audit")
    visitor.open(owned)
    page.locator("#listing tbody th a").first.click()
    page.get_by_role("link", name="site:north").click()
    expect(page).to_have_url(re.compile(r"/certificates/\?tag=site%3Anorth$"))
    assert sorted(page.locator("#listing tbody th a").all_inner_texts()) == sorted(names)
    page.get_by_label("Tag", exact=True).fill("site:north, vendor")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#listing tbody tr")).to_have_count(1)
    expect(page.locator("#listing tbody")).to_contain_text("partner-edi.outfitters.example")
    shows_well(visitor, "certificates-tagged")
    page.get_by_role("link", name="Without this filter: Tag vendor").click()
    expect(page.locator("#listing tbody tr")).to_have_count(len(names))
    go_on("Take tags away", "site:north audit")
    visitor.open("/certificates/?tag=site:north")
    expect(page.get_by_role("heading", name="No certificate matches")).to_be_visible()


def test_every_list_is_reached_by_two_keys_and_the_sheet_says_which(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    shows_well(visitor, "shortcuts")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    for key, heading in {"c": "Certificates", "a": "Authorities", "l": "Alarms", "n": "Order a certificate"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.get_by_label("Names").fill("g")
    page.get_by_label("Names").press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order a certificate")


def test_an_order_is_previewed_while_it_is_written(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/certificates/new")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("as soon as this is there")
    page.get_by_label("Names").press_sequentially("kafka-1.outfitters.example")
    expect(preview).to_contain_text("CN=kafka-1.outfitters.example")
    expect(preview).to_contain_text("There is one for such a name already")
    shows_well(visitor, "order-previewed")
    page.get_by_label("Names").fill("bad_name!")
    page.get_by_label("Names").press("End")
    page.get_by_label("Names").press_sequentially("!")
    expect(preview.locator(".note-error")).to_be_visible()


def test_what_is_written_while_a_slow_preview_is_under_way_is_what_is_shown(visitor: Visitor) -> None:
    page = visitor.page
    page.route("**/certificates/preview", lambda route: None, times=1)  # what the page asks first gets no answer
    visitor.open("/certificates/new")
    visitor.fill("Names", "overtaken.example.com")
    visitor.fill("Owner", "web@example.com")  # leaving the names asks again
    expect(page.locator("#preview")).to_contain_text("CN=overtaken.example.com")
