"""Authorities: where their revocations are looked up is confirmed when they are made, and stands in what they issue; a
CA elsewhere is connected, with a DNS provider for its challenges.
"""

from __future__ import annotations

import pytest
import requests
from cryptography import x509

from tests.servers.knot import Knot, knot
from tests.servers.pebble import Pebble, pebble
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


@pytest.mark.server("pebble", "knotd")
def test_a_ca_elsewhere_is_connected_and_ordered_from(visitor: Visitor) -> None:
    with knot() as names, pebble(names.address) as ca:
        make_dns_provider(visitor, names)
        connect(visitor, ca)
        visitor.follow("Order a certificate")
        visitor.fill("Names", "shop.example.org")
        visitor.fill("Owner", "web@example.org")
        visitor.press("Order the certificate")
        wait_until(lambda: _is_issued(visitor), 120)
        assert visitor.state == "Valid"


def make_dns_provider(me: Visitor, names: Knot) -> None:
    me.open("/")
    me.follow("DNS providers", inside="#sidebar")
    me.follow("Create a DNS provider")
    me.page.get_by_role("link", name="RFC 2136").click()
    told = {"Server": "127.0.0.1", "Zone": "example.org", "Nameservers": names.address, "Key secret": names.secret}
    told |= {"Name": "Name servers of the lab", "Port": str(names.port), "Key name": "nobody"}
    for label, text in told.items():
        me.fill(label, text)
    me.press("Create")
    assert me.told == "It was created."
    assert names.secret not in me.page.content()
    me.press("Test connection")
    assert "TSIG key" in me.told
    me.follow("Edit")
    me.fill("Key name", "lemur")
    me.press("Save")
    me.press("Test connection")
    assert me.told == "The connection works."


def connect(me: Visitor, ca: Pebble) -> None:
    me.follow("Authorities", inside="#sidebar")
    me.follow("Connect a CA elsewhere")
    me.page.get_by_role("link", name="ACME").click()
    for label, text in {"Name": "Pebble", "Certificate": ca.ca(), "Trusted roots": ca.root}.items():
        me.fill(label, text)
    me.choose("Terms agreed", "checkbox")
    me.page.get_by_label("DNS provider").select_option("Name servers of the lab")
    me.fill("ACME URL", "nowhere")
    me.press("Connect the CA")
    assert "does not match" in me.error_at("ACME URL")
    me.fill("ACME URL", ca.directory)
    me.press("Connect the CA")
    assert (me.told, me.heading) == ("The CA is connected.", "Pebble")
    shown = me.region("How it is reached").inner_text()
    for text in (ca.directory, "Name servers of the lab", "set, and kept secret"):
        assert text in shown


def _is_issued(me: Visitor) -> bool:
    """Once the order's page is asked for again, it leads to the certificate."""
    me.page.reload()
    if (
        "/orders/" in me.path
        and (found := me.page.locator("main a[href^='/certificates/']:not([href*='orders'])")).count()
    ):
        found.first.click()
        me.page.wait_for_load_state()
    return "/orders/" not in me.path
