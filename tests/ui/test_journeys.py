"""What people do every day, in a browser, in an installation that holds the demo company."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from playwright.sync_api import Page, expect

from tests.pki_material import as_pem, certificate, material, name, p256
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


@pytest.fixture
def without_script(site: Site) -> Iterator[Visitor]:
    """Logged in by hand, since it is part of the journey."""
    with site.visitor(logged_in=False, java_script_enabled=False) as visitor:
        visitor.log_in(site.password)
        yield visitor


def shown(page: Page) -> list[str]:
    return page.locator("#listing tbody th a").all_inner_texts()


def test_a_wrong_password_is_refused_with_a_sentence(site: Site) -> None:
    with site.visitor(logged_in=False) as me:
        me.log_in("wrong")
        assert me.path == "/login"
        assert me.page.get_by_role("alert").inner_text().strip() != ""
        me.log_in(site.password)
        assert me.heading == "Overview"


def test_search_answers_while_one_types(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.keyboard.press("/")
    expect(visitor.page.get_by_label("Find a certificate")).to_be_focused()
    visitor.open("/certificates/")
    search = visitor.page.get_by_label("Search", exact=True)
    search.press_sequentially("kafka")
    expect(visitor.page.locator("#listing tbody tr")).to_have_count(1)
    assert shown(visitor.page) == ["kafka-1.outfitters.example"]
    expect(visitor.page).to_have_url(re.compile(r"\?q=kafka$"))
    expect(visitor.page.locator("#announcer")).not_to_be_empty()
    expect(search).to_be_focused()
    visitor.page.reload()
    assert shown(visitor.page) == ["kafka-1.outfitters.example"]


def test_any_page_finds_a_certificate_by_its_serial_number(visitor: Visitor) -> None:
    visitor.open("/certificates/?q=kafka")
    visitor.page.get_by_role("link", name="kafka-1.outfitters.example", exact=True).click()
    plain = visitor.page.locator("#serial").inner_text()
    visitor.open("/authorities/")
    box = visitor.page.get_by_label("Find a certificate")
    box.fill(":".join(plain[at : at + 2] for at in range(0, len(plain), 2)))
    box.press("End")
    box.press_sequentially(" ")
    found = visitor.page.locator("#found").get_by_role("link")
    expect(found.first).to_contain_text("kafka-1.outfitters.example")
    expect(visitor.page.locator("#announcer")).to_contain_text("1 certificate matches")
    box.press("ArrowDown")
    expect(found.first).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(box).to_be_focused()
    expect(found).to_have_count(0)
    box.press_sequentially(" ")
    expect(found.first).to_be_visible()
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("kafka-1.outfitters.example")


def test_a_view_of_the_list_is_kept_found_again_and_given_up(visitor: Visitor) -> None:
    visitor.open("/certificates/?filter_owner=data&ordering=not_after")
    narrowed = shown(visitor.page)
    visitor.page.get_by_text("Save this view").click()
    visitor.page.get_by_label("Name of the view").fill("data, soonest first")
    visitor.page.get_by_role("button", name="Save").click()
    assert visitor.path == "/certificates/"
    visitor.open("/certificates/")
    visitor.follow("data, soonest first")
    assert shown(visitor.page) == narrowed
    visitor.page.get_by_role("link", name="Without this filter: Owner").click()
    assert len(shown(visitor.page)) > len(narrowed)
    visitor.page.get_by_role("button", name="Remove the view data, soonest first").click()
    expect(visitor.page.get_by_role("link", name="data, soonest first")).to_have_count(0)


def test_the_list_is_filtered_sorted_and_paged(visitor: Visitor) -> None:
    visitor.open("/certificates/")
    visitor.follow("Expiring")
    visitor.page.get_by_role("columnheader", name="Expires").get_by_role("link").click()
    assert "phase=expiring" in visitor.page.url
    assert "ordering=" in visitor.page.url
    visitor.open("/certificates/?count=5")
    first = shown(visitor.page)
    assert len(first) == 5
    visitor.follow("Next")
    assert shown(visitor.page) != first
    visitor.follow("Previous")
    assert shown(visitor.page) == first


def test_a_certificate_is_imported_from_text_and_from_a_file(visitor: Visitor, tmp_path: Path) -> None:
    pasted, chosen = (as_pem(certificate(name(cn), p256())) for cn in ("pasted.example.com", "file.example.com"))
    visitor.open("/certificates/import")
    visitor.fill("Certificate (PEM)", pasted)
    visitor.fill("Owner", "web@example.com")
    visitor.press("Import")
    assert visitor.told == "The certificate was imported."
    assert visitor.heading == "pasted.example.com"
    expect(visitor.page.get_by_text("It is not kept here.")).to_be_visible()

    (tmp_path / "chosen.pem").write_text(chosen)
    visitor.open("/certificates/import")
    visitor.page.get_by_label("or a file").first.set_input_files(tmp_path / "chosen.pem")
    visitor.press("Import")
    assert visitor.heading == "file.example.com"


def test_a_certificate_comes_with_its_key_from_a_pkcs12_file(visitor: Visitor, tmp_path: Path) -> None:
    leaf, file = material().leaf, tmp_path / "leaf.p12"
    encryption = BestAvailableEncryption(b"open sesame")
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"leaf", leaf.key, leaf.certificate, None, encryption))
    visitor.open("/certificates/import")
    visitor.page.get_by_label("or a file").set_input_files(file)
    visitor.fill("Passphrase of the file", "open sesame")
    visitor.press("Import")
    assert visitor.told == "The certificate was imported."
    expect(
        visitor.page.get_by_role("region", name="Private key").get_by_role("link", name="Show the key")
    ).to_be_visible()


def test_what_is_known_about_a_certificate_is_edited(visitor: Visitor) -> None:
    visitor.open("/certificates/?q=labels")
    visitor.follow("labels.outfitters.example")
    visitor.follow("Edit")
    harmless = "<img src=x onerror=alert(1)> & co"
    visitor.fill("Description", harmless)
    visitor.fill("Owner", "Labels@Outfitters.example")
    visitor.press("Save")
    assert visitor.told == "Saved."
    care = visitor.page.get_by_role("region", name="Who looks after it")
    expect(care.get_by_text(harmless, exact=True)).to_be_visible()
    expect(care.get_by_text("labels@outfitters.example", exact=True).first).to_be_visible()
    assert "Certificate updated" in visitor.page.get_by_role("region", name="What happened").inner_text()


def test_the_private_key_is_shown_after_a_question_and_that_is_written_down(visitor: Visitor) -> None:
    visitor.open("/certificates/?q=scanners")
    visitor.follow("scanners.outfitters.example")
    visitor.follow("Show the key")
    assert "PRIVATE KEY" not in visitor.page.content()
    visitor.press("Show the private key")
    assert "BEGIN PRIVATE KEY" in visitor.page.content() or "BEGIN EC PRIVATE KEY" in visitor.page.content()
    visitor.page.locator(".crumbs a").last.click()
    assert "Key revealed" in visitor.page.get_by_role("region", name="What happened").inner_text()


def test_wrong_input_is_explained_at_the_field_and_kept(visitor: Visitor) -> None:
    visitor.open("/certificates/new")
    visitor.fill("Names", "good.example.com\nnot a name!")
    visitor.fill("Owner", "web@example.com")
    visitor.press("Order the certificate")
    assert "not a name!" in visitor.error_at("Names")
    assert visitor.field("Names").input_value() == "good.example.com\nnot a name!"

    visitor.fill("Names", "")
    visitor.fill("Owner", "nobody")
    visitor.press("Order the certificate")
    assert visitor.error_at("Names") == "Give at least one name, or a signing request."
    assert "valid email" in visitor.error_at("Owner")


def test_a_certificate_that_is_none_is_refused_at_the_field(visitor: Visitor) -> None:
    visitor.open("/certificates/import")
    visitor.press("Import")
    assert visitor.error_at("Certificate (PEM)") == "Paste a certificate, or choose its file."
    visitor.fill("Certificate (PEM)", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    visitor.press("Import")
    assert visitor.error_at("Certificate (PEM)") != ""


def test_an_intermediate_without_a_parent_is_refused_at_the_field(visitor: Visitor) -> None:
    visitor.open("/authorities/new")
    visitor.page.get_by_label("Intermediate", exact=True).check()
    visitor.fill("Name", "Nobody's child")
    visitor.fill("Common name", "Nobody's child CA")
    visitor.press("Create the authority")
    assert visitor.error_at("Parent") == "Choose the authority that signs the intermediate."


def test_everything_works_without_javascript(without_script: Visitor) -> None:
    me = without_script
    me.follow("Order a certificate")
    me.fill("Names", "plain.example.com")
    me.fill("Owner", "web@example.com")
    me.press("Order the certificate")
    assert me.told == "The certificate was issued."
    assert me.heading == "plain.example.com"
    me.follow("Export")
    file, data = me.download("Download")
    assert file.endswith(".pem")
    assert data.startswith(b"-----BEGIN CERTIFICATE-----")
    me.open("/certificates/")
    me.page.get_by_label("Search", exact=True).fill("plain.example")
    me.press("Search")
    assert shown(me.page) == ["plain.example.com"]


def test_the_chosen_theme_stays(visitor: Visitor) -> None:
    visitor.open("/")
    theme = visitor.page.locator("html")
    assert theme.get_attribute("data-bs-theme") == "light"
    visitor.page.get_by_role("button", name=re.compile("account and appearance")).click()
    visitor.press("Dark")
    visitor.open("/certificates/")
    assert theme.get_attribute("data-bs-theme") == "dark"
