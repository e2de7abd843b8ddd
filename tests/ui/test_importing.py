"""Importing many certificates at once, in a browser: dropped and chosen files, what they hold, what became of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from pki import containers
from tests.pki_material import Pair, as_pem, certificate, key_as_pem, material, name, p256
from tests.ui.looking import shows_well
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")
PASSPHRASE = "open sesame"
DROP = """files => {
    const all = new DataTransfer();
    for (const [name, data] of Object.entries(files))
        all.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name));
    for (const kind of ["dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: all, bubbles: true, cancelable: true }));
}"""


def made(cn: str) -> Pair:
    """A leaf that no other test knows."""
    return material().leaf_with(cn=cn)


def pkcs12(pair: Pair) -> bytes:
    return containers.pkcs12("x", pair.key, pair.certificate, material().chain, PASSPHRASE)


def drop(visitor: Visitor, files: Mapping[str, bytes]) -> None:
    visitor.page.evaluate(DROP, {name: base64.b64encode(data).decode() for name, data in files.items()})


def row(visitor: Visitor, text: str) -> Locator:
    """Those with this text."""
    return visitor.page.get_by_role("row").filter(has_text=text)


def test_files_are_dropped_looked_at_and_imported(visitor: Visitor) -> None:
    sealed, apart, old = made("sealed.example.com"), made("apart.example.com"), material().expired_leaf
    hostile = certificate(name("<b>x</b>\u202egnp.exe"), p256())
    visitor.open("/certificates/import")
    drop(visitor, {"sealed.p12": pkcs12(sealed), "apart.crt": apart.der, "apart.key": apart.key_pem.encode()})
    stray = made("stray.example.com").pem + key_as_pem(p256())
    drop(visitor, {"old.pem": old.pem.encode(), "hostile.pem": as_pem(hostile).encode(), "notes.txt": b"some notes"})
    drop(visitor, {"stray.pem": stray.encode()})
    expect(visitor.page.get_by_role("button", name="Import", exact=True)).to_be_hidden()
    visitor.fill("Passphrase of the file", PASSPHRASE)
    visitor.press("Preview")

    expect(visitor.region("5 certificates found, 4 can be imported")).to_be_visible()
    expect(row(visitor, "sealed.example.com")).to_contain_text("up to the root")
    expect(row(visitor, "apart.example.com")).to_contain_text("Found")
    expect(row(visitor, "old.example.com")).to_contain_text("It has expired.")
    expect(row(visitor, "stray.example.com")).to_contain_text("belongs to another certificate")
    expect(row(visitor, "<b>x</b>\\u202egnp.exe")).to_have_count(1)
    expect(visitor.page.get_by_role("listitem").filter(has_text="notes.txt")).to_contain_text("Neither PEM nor")
    assert "PRIVATE KEY" not in visitor.page.content()
    shows_well(visitor, "import-preview")

    visitor.page.get_by_role("checkbox", name="old.example.com").uncheck()
    visitor.press("Import what is ticked")
    expect(visitor.region("What became of them")).to_be_visible()
    expect(row(visitor, "Imported")).to_have_count(3)
    expect(row(visitor, "old.example.com")).to_have_count(0)
    shows_well(visitor, "import-done")
    visitor.follow("sealed.example.com")
    assert visitor.heading == "sealed.example.com"
    expect(visitor.region("Private key").get_by_role("link", name="Show the key")).to_be_visible()


def test_what_was_imported_is_here_already(visitor: Visitor, tmp_path: Path) -> None:
    twice = tmp_path / "twice.p12"
    twice.write_bytes(pkcs12(made("twice.example.com")))
    for found in ("1 certificate found, 1 can be imported", "1 certificate found, 0 can be imported"):
        visitor.open("/certificates/import")
        visitor.page.get_by_label("or a file").set_input_files(twice)
        visitor.press("Preview")
        expect(visitor.page.get_by_role("listitem").filter(has_text="twice.p12")).to_contain_text("does not open")
        visitor.fill("Passphrase of the file", PASSPHRASE)
        visitor.press("Preview")
        expect(visitor.region(found)).to_be_visible()
        if "1 can" in found:
            visitor.press("Import what is ticked")
            expect(row(visitor, "twice.example.com")).to_contain_text("Imported")
    expect(row(visitor, "twice.example.com").get_by_role("link", name="Here already").first).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Import what is ticked")).to_have_count(0)


def test_other_files_take_the_preview_away_and_too_large_ones_are_not_sent(visitor: Visitor) -> None:
    visitor.open("/certificates/import")
    visitor.press("Preview")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Paste certificates, or choose files.")
    shows_well(visitor, "import-preview-refused")
    drop(visitor, {"small.pem": b"x", "<b>large.pem": b"x" * 4_200_000})
    expect(visitor.page.get_by_role("alert")).to_have_count(0)
    said = visitor.page.get_by_text("<b>large.pem is too large: all files together may have 4,194,304 bytes.")
    expect(said).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Preview")).to_be_disabled()


def test_what_is_refused_before_it_is_read_says_so_in_place(visitor: Visitor) -> None:
    visitor.open("/certificates/import")
    visitor.field("Certificate (PEM)").evaluate("area => { area.value = 'x'.repeat(4200000); }")
    visitor.press("Preview")
    expect(visitor.page.get_by_role("alert")).to_contain_text("may not be larger than 4,194,304 bytes")
    assert [problem for problem in visitor.problems if "Response Status Error Code 400" not in problem] == []
    visitor.problems.clear()


def test_without_javascript_the_files_are_chosen_twice(site: Site, tmp_path: Path) -> None:
    files = [tmp_path / "plain.p12", tmp_path / "other.pem"]
    files[0].write_bytes(pkcs12(made("plain-import.example.com")))
    files[1].write_text(made("other-import.example.com").pem)
    with site.visitor(java_script_enabled=False) as me:
        me.open("/certificates/import")
        for button in ("Preview", "Import what is ticked"):
            me.page.get_by_label("or a file").set_input_files(files)
            me.fill("Passphrase of the file", PASSPHRASE)
            me.press(button)
        expect(row(me, "Imported")).to_have_count(2)
