"""From an empty installation to a certificate in hand, the way a person goes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.system.installation import Installation
from tests.ui.looking import shows_well
from tests.ui.product import Visitor, running

EMPTY = {
    "authorities-none": "/authorities/",
    "certificates-first": "/certificates/",
    "order-without-authority": "/certificates/new",
}
NAMES = ["www.example.com", "example.com", "192.0.2.10"]

pytestmark = [pytest.mark.server("chromium-headless-shell"), pytest.mark.server("openssl")]


def test_from_nothing_to_a_certificate_in_hand(browser: Browser, tmp_path: Path) -> None:
    with running(Installation.prepared(tmp_path / "home")) as site:
        site.browser = browser
        with site.visitor(logged_in=False) as me:
            log_in(me, site.password)
            create_the_root(me)
            create_the_intermediate(me)
            order_a_certificate(me)
            look_at_it(me)
            export_it(me, tmp_path)
            log_out(me)


def log_in(me: Visitor, password: str) -> None:
    me.open("/")
    assert me.path == "/login"
    shows_well(me, "login")
    me.log_in(password)
    assert me.path == "/"
    expect(me.page.get_by_text("From nothing to your first certificate")).to_be_visible()
    shows_well(me, "overview-first")
    for name, path in EMPTY.items():
        me.open(path)
        shows_well(me, name)
    me.open("/")


def log_out(me: Visitor) -> None:
    me.page.get_by_role("button", name=re.compile("account and appearance")).click()
    me.press("Log out")
    assert me.path == "/login"
    me.open("/certificates/")
    assert me.path == "/login"


def create_the_root(me: Visitor) -> None:
    me.follow("Create a root")
    me.fill("Name", "Company Root")
    me.fill("Common name", "Company Root CA")
    me.fill("Owner", "pki@example.com")
    me.press("Create the authority")
    assert me.heading == "Company Root"
    assert me.told == "The authority was created."


def create_the_intermediate(me: Visitor) -> None:
    me.follow("Create an intermediate")
    assert me.page.get_by_label("Intermediate", exact=True).is_checked()
    me.fill("Name", "Company Issuing")
    me.fill("Common name", "Company Issuing CA")
    me.fill("Owner", "pki@example.com")
    me.press("Create the authority")
    assert me.heading == "Company Issuing"


def order_a_certificate(me: Visitor) -> None:
    me.open("/")
    me.follow("Order a certificate")
    assert me.field("Authority").locator("option:checked").inner_text() == "Company Issuing"
    me.fill("Names", "\n".join(NAMES))
    me.fill("Owner", "web@example.com")
    me.press("Order the certificate")


def look_at_it(me: Visitor) -> None:
    assert me.heading == "www.example.com"
    assert me.page.get_by_role("region", name="3 names").get_by_role("listitem").all_inner_texts() == NAMES
    chain = me.page.get_by_role("region", name="Chain", exact=True)
    assert chain.get_by_role("link").all_inner_texts() == ["www.example.com", "Company Issuing CA", "Company Root CA"]
    assert me.page.get_by_role("region", name="What happened").get_by_role("listitem").count() == 2


def export_it(me: Visitor, folder: Path) -> None:
    me.follow("Export")
    name, data = me.download("Download")
    assert name.endswith(".pem")
    assert data.count(b"BEGIN CERTIFICATE") == 2
    assert b"PRIVATE KEY" not in data

    me.page.get_by_role("link", name=re.compile(r"^PKCS#12")).click()
    passphrase = me.field("Passphrase").input_value()
    name, data = me.download("Download")
    assert name.endswith(".p12")
    assert open_pkcs12(folder / name, data, passphrase).count("BEGIN CERTIFICATE") == 3


def open_pkcs12(path: Path, data: bytes, passphrase: str) -> str:
    path.write_bytes(data)
    command = ["openssl", "pkcs12", "-in", path, "-passin", "stdin", "-nodes"]
    return subprocess.run(command, input=passphrase, capture_output=True, text=True, check=True, timeout=60).stdout
