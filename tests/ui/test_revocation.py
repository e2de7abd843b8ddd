"""Revoking: what would break is said first, and the list that anybody can fetch says it afterwards."""

from __future__ import annotations

import pytest
import requests
from cryptography import x509
from playwright.sync_api import expect

from tests.system.installation import wait_until
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")

INSIST = "Revoke it although something would break"


def serial(me: Visitor) -> int:
    return int(me.page.locator("#serial").inner_text(), 16)


def listed(me: Visitor, number: int) -> x509.RevokedCertificate | None:
    """What the list says of it, fetched without a log-in from where the certificate on the page says."""
    address = me.region("What it may be used for").get_by_text("/ca.crl").inner_text()
    crl, ca = (requests.get(url, timeout=30).content for url in (address, address.removesuffix("ca.crl") + "ca.crt"))
    found = x509.load_der_x509_crl(crl)
    assert found.is_signature_valid(x509.load_der_x509_certificate(ca).public_key())  # type: ignore[arg-type]
    return found.get_revoked_certificate_by_serial_number(number)


def reason(entry: x509.RevokedCertificate | None) -> x509.ReasonFlags:
    assert entry is not None
    return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason


def test_a_certificate_that_is_served_is_revoked_by_who_insists(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.certificate('registry.outfitters.example')}")
    number = serial(visitor)
    assert listed(visitor, number) is None
    visitor.follow("Revoke")
    warning = visitor.page.locator(".note-error").inner_text()
    assert "whoever connects there will be turned away" in warning
    assert "registry.outfitters.example:443" in warning

    visitor.choose("The key is known to others")
    visitor.fill("Comment", "Found in a backup.")
    visitor.press("Revoke the certificate")
    assert "replace the certificate where it is used first" in visitor.error_at(INSIST)
    assert visitor.page.get_by_role("radio", name="The key is known to others").is_checked()
    visitor.choose(INSIST, "checkbox")
    visitor.press("Revoke the certificate")
    assert (visitor.told, visitor.state) == ("The certificate is revoked.", "Revoked")

    wait_until(lambda: listed(visitor, number) is not None)
    assert reason(listed(visitor, number)) is x509.ReasonFlags.key_compromise
    visitor.follow("Revocation")
    assert visitor.heading == "Revoked"
    said = visitor.region("Revocation").inner_text()
    assert "The key is known to others" in said
    assert "Found in a backup." in said
    visitor.open("/certificates/?phase=revoked")
    expect(visitor.page.get_by_role("link", name="registry.outfitters.example", exact=True)).to_be_visible()


def test_a_hold_is_taken_back(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.order('held.example.com', site.issuing)}")
    number = serial(visitor)
    visitor.follow("Revoke")
    assert "Except for a hold this cannot be undone" in visitor.page.locator(".note-warning").inner_text()
    visitor.choose("On hold: may be taken back")
    visitor.press("Revoke the certificate")
    assert visitor.told == "The certificate is on hold."
    wait_until(lambda: listed(visitor, number) is not None)
    assert reason(listed(visitor, number)) is x509.ReasonFlags.certificate_hold

    visitor.follow("Revocation")
    assert visitor.heading == "On hold"
    visitor.press("Do it")
    assert (visitor.told, visitor.state) == ("The hold is over: the certificate is good again.", "Valid")
    wait_until(lambda: listed(visitor, number) is None)


def test_what_was_issued_elsewhere_cannot_be_revoked_here(site: Site, visitor: Visitor) -> None:
    visitor.open(f"/certificates/{site.certificate('partner-edi.outfitters.example')}")
    assert visitor.page.get_by_role("link", name="Revoke", exact=True).count() == 0
