"""Authorities: where their revocations are looked up is confirmed when they are made, and stands in what they issue."""

from __future__ import annotations

import pytest
import requests
from cryptography import x509

from tests.system.installation import wait_until
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")

BASE = "http://pki.example.com"
CONFIRM = "Every machine that checks certificates reaches this address over plain HTTP, and will in years"


def create(me: Visitor, name: str, base: str = "") -> None:
    me.fill("Name", name)
    me.fill("Common name", f"{name} CA")
    me.fill("Owner", "pki@example.com")
    me.fill("Public base URL", base)
    me.press("Create the authority")


def test_the_public_address_is_confirmed_and_stands_in_certificates(visitor: Visitor) -> None:
    visitor.open("/authorities/")
    visitor.follow("Create an authority")
    create(visitor, "Public", "https://pki.example.com")
    assert "begins with http://" in visitor.error_at("Public base URL")
    create(visitor, "Public", BASE)
    assert "cannot be changed later" in visitor.error_at(CONFIRM)
    visitor.choose(CONFIRM, "checkbox")
    visitor.press("Create the authority")
    assert (visitor.told, visitor.heading) == ("The authority was created.", "Public")

    place = f"{BASE}/pki/{visitor.path.rpartition('/')[2]}"
    shown = visitor.region("Revocation").inner_text()
    assert f"{place}/ca.crl" in shown
    assert f"{place}/ocsp" in shown
    visitor.follow("Order a certificate")
    visitor.fill("Names", "pointing.example.com")
    visitor.fill("Owner", "web@example.com")
    visitor.press("Order the certificate")
    usage = visitor.region("What it may be used for").inner_text()
    assert [f"{place}/{end}" in usage for end in ("ca.crl", "ocsp", "ca.crt")] == [True, True, True]


def test_without_an_address_the_page_warns(visitor: Visitor) -> None:
    visitor.open("/authorities/new")
    create(visitor, "Silent")
    assert "It has no public base URL" in visitor.region("Revocation").inner_text()


def test_an_intermediate_is_revoked_with_all_that_is_under_it(site: Site, visitor: Visitor) -> None:
    visitor.open("/authorities/new")
    create(visitor, "Elder")
    elder = visitor.path.rpartition("/")[2]
    visitor.follow("Create an intermediate")
    create(visitor, "Doomed")
    doomed = visitor.path
    site.order("under.example.com", int(doomed.rpartition("/")[2]))

    visitor.follow("Its certificate")
    serial = int(visitor.page.locator("#serial").inner_text(), 16)
    visitor.follow("Revoke")
    assert "1 valid certificate is under it" in visitor.page.locator(".note-error").inner_text()
    visitor.choose("It is not used any more")
    visitor.choose("Revoke it although something would break", "checkbox")
    visitor.press("Revoke the certificate")
    assert (visitor.told, visitor.state) == ("The certificate is revoked.", "Revoked")
    visitor.open(doomed)
    assert visitor.state == "Switched off"
    assert visitor.page.get_by_role("link", name="Order a certificate").count() == 0

    def entry() -> x509.RevokedCertificate | None:
        crl = requests.get(f"{site.url}/pki/{elder}/ca.crl", timeout=30).content
        return x509.load_der_x509_crl(crl).get_revoked_certificate_by_serial_number(serial)

    wait_until(lambda: entry() is not None)
