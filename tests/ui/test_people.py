"""People, roles, API keys and the audit log, as an administrator and those people themselves use them."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Dialog, expect

from tests.ui.product import PASSWORD, Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


def members(me: Visitor) -> list[str]:
    return me.region("Members").get_by_role("rowheader").get_by_role("link").all_inner_texts()


def test_a_role_is_made_given_taken_away_and_deleted(site: Site, visitor: Visitor) -> None:
    site.person("rosa")
    visitor.open("/roles/")
    visitor.follow("Add a role")
    visitor.fill("Name", "harbour")
    visitor.fill("Description", "Those who load the ships")
    visitor.choose("Demo Issuing", "checkbox")
    visitor.press("Add the role")
    assert visitor.heading == "harbour"
    assert "Demo Issuing" in visitor.region("Authorities it may use").inner_text()
    visitor.follow("Change members")
    visitor.fill("Add people", "rosa\nnobody-of-this-name")
    visitor.press("Save")
    assert visitor.error_at("Add people") == "There is nobody called nobody-of-this-name."
    visitor.fill("Add people", "rosa@example.com")
    visitor.press("Save")
    assert members(visitor) == ["rosa"]
    with site.window_of("rosa") as rosa:
        rosa.open("/certificates/new")
        assert "Demo Issuing" in rosa.field("Authority").inner_text()
        visitor.follow("Change members")
        visitor.choose("rosa", "checkbox")
        visitor.press("Save")
        rosa.page.reload()
        assert rosa.page.get_by_text("There is no authority you may order from").is_visible()
    visitor.follow("Edit")
    visitor.page.get_by_role("checkbox", name="Demo Issuing", exact=True).uncheck()
    visitor.press("Save")
    visitor.follow("Delete")
    visitor.press("Delete the role")
    assert visitor.path == "/roles/"
    assert visitor.page.get_by_role("link", name="harbour", exact=True).count() == 0


def test_somebody_is_added_and_switched_off(site: Site, visitor: Visitor) -> None:
    visitor.open("/people/")
    visitor.follow("Add a person")
    visitor.fill("User name", "theo")
    visitor.fill("E-mail address", "theo@example.com")
    visitor.fill("Password", "short")
    visitor.choose("platform@outfitters.example", "checkbox")
    visitor.press("Add the person")
    assert "12 characters" in visitor.error_at("Password")
    visitor.fill("Password", PASSWORD)
    visitor.press("Add the person")
    assert (visitor.heading, visitor.state) == ("theo", "Active")
    assert "platform@outfitters.example" in visitor.region("Key facts").inner_text()

    with site.window_of("theo") as theo:
        assert theo.heading == "Overview"
        theo.open("/people/")
        assert theo.page.get_by_role("link", name="Add a person").count() == 0
        visitor.follow("Edit")
        visitor.page.get_by_role("checkbox", name="May log in").uncheck()
        visitor.press("Save")
        assert visitor.state == "Switched off"
        theo.open("/certificates/")
        assert theo.path == "/login"
        theo.log_in(PASSWORD, "theo")
        assert theo.path == "/login"
        assert theo.page.get_by_role("alert").inner_text().strip() != ""
    visitor.open("/people/?active=false")
    expect(visitor.page.get_by_role("link", name="theo", exact=True)).to_be_visible()


def test_an_api_key_is_made_used_and_revoked(site: Site) -> None:
    site.person("kim", "shop@outfitters.example")
    with site.window_of("kim") as kim:
        kim.page.get_by_role("button", name=re.compile("account and appearance")).click()
        kim.follow("My account", inside="#user-menu")
        kim.page.get_by_role("link", name="Make an API key").first.click()
        kim.fill("Name", "Nightly report")
        kim.choose("read")
        kim.press("Make the key")
        token = kim.page.locator("#token").inner_text()
        assert _asked(site, token, "get") == 200
        assert _asked(site, token, "post") == 403
        kim.follow("I have kept it")
        assert token not in kim.page.content()
        row = kim.page.get_by_role("row", name=re.compile("Nightly report"))
        assert "Read" in row.inner_text()

        asked: list[str] = []

        def agree(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.accept()

        kim.page.on("dialog", agree)
        kim.press("Revoke Nightly report")
        assert asked == ["Revoke Nightly report? Whatever uses it stops working."]
        assert "Revoked" in row.inner_text()
        assert _asked(site, token, "get") == 403


def _asked(site: Site, token: str, method: str) -> int:
    address, headers = f"{site.url}/api/1/domains", {"Authorization": f"Bearer {token}"}
    return requests.request(
        method, address, headers=headers, json={"name": "written.example.com"} if method == "post" else None, timeout=30
    ).status_code


def test_the_audit_log_is_narrowed(site: Site, visitor: Visitor) -> None:
    role = site.api.post("roles", name="lighthouse")
    visitor.open("/")
    visitor.follow("Audit log", inside="#sidebar")
    visitor.page.get_by_text("Filters", exact=True).click()
    visitor.field("Event").select_option("Role created")
    rows = visitor.page.locator("#listing tbody tr")
    expect(rows.first).to_contain_text("Role created")
    expect(rows.filter(has_not_text="Role created")).to_have_count(0)
    visitor.fill("By (user name or address)", "admin")
    visitor.press("Apply")
    expect(rows.filter(has_not_text="admin")).to_have_count(0)
    visitor.fill("Until (UTC)", "2020-01-01T00:00")
    visitor.press("Apply")
    expect(visitor.page.get_by_role("heading", name="No entry matches")).to_be_visible()
    visitor.fill("Until (UTC)", "2100-01-01T00:00")
    visitor.press("Apply")
    expect(rows.first).to_be_visible()
    assert visitor.field("Event").locator("option:checked").inner_text() == "Role created"
    visitor.follow("lighthouse")
    assert visitor.path == f"/roles/{role['id']}"
