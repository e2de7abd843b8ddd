"""Every page in light and dark, wide and narrow: pictures to look at, no errors, nothing that axe-core objects to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pki_material import material
from tests.ui.looking import THEMES, faults, picture, shows_well
from tests.ui.product import NARROW, WIDE, Site, Visitor

PAGES = {
    "overview": "/",
    "certificates": "/certificates/",
    "certificates-expiring": "/certificates/?phase=expiring&ordering=not_after&filter_owner=data",
    "certificates-narrowed": "/certificates/?filter_owner=outfitters&rotation=false&ordering=cn",
    "certificates-tagged": "/certificates/?tag=env:prod,cdn",
    "certificates-none": "/certificates/?q=no+such+certificate",
    "certificate": "/certificates/{www}",
    "certificate-authority": "/certificates/{root}",
    "certificate-revoked": "/certificates/{metrics}",
    "certificate-replaced": "/certificates/{git}",
    "certificate-imported": "/certificates/{partner-edi}",
    "certificate-served": "/certificates/{vpn}",
    "order": "/certificates/new",
    "order-replacing": "/certificates/new?replaces={www}",
    "import": "/certificates/import",
    "export-pem": "/certificates/{www}/export",
    "export-pkcs12": "/certificates/{www}/export?plugin=openssl-export",
    "edit": "/certificates/{www}/edit",
    "reissue": "/certificates/{www}/reissue",
    "reissue-open": "/certificates/{renewed}/reissue",
    "revoke": "/certificates/{www}/revoke",
    "revoke-served": "/certificates/{vpn}/revoke",
    "revoke-authority": "/certificates/{issuing}/revoke",
    "revoked": "/certificates/{metrics}/revoke",
    "key": "/certificates/{www}/key",
    "orders": "/certificates/orders",
    "orders-issued": "/certificates/orders?state=done",
    "orders-none": "/certificates/orders?q=no+such+order",
    "order-done": "/certificates/orders/1",
    "order-waiting": "/certificates/orders/{waiting}",
    "order-unknown": "/certificates/orders/{doubtful}",
    "order-failed": "/certificates/orders/{refused}",
    "batches": "/certificates/batches",
    "jobs": "/jobs/",
    "jobs-narrowed": "/jobs/?kind=order&failing=true&ordering=since",
    "jobs-lately": "/jobs/?state=done",
    "jobs-none": "/jobs/?q=no+such+job",
    "alarms": "/alarms/",
    "alarms-none": "/alarms/?q=no+such+alarm",
    "shares": "/overview/shares",
    "domains": "/domains/",
    "domains-none": "/domains/?q=no+such+domain",
    "domain-new": "/domains/new",
    "endpoints": "/endpoints/",
    "endpoints-none": "/endpoints/?q=no+such+endpoint",
    "rotations": "/rotations/",
    "rotations-none": "/rotations/?q=no+such+endpoint",
    "found": "/found/",
    "authorities": "/authorities/",
    "authorities-found": "/authorities/?q=demo",
    "authorities-none": "/authorities/?q=no+such+authority",
    "authority": "/authorities/{authority}",
    "authority-without-address": "/authorities/{silent}",
    "authority-new": "/authorities/new",
    "authority-under": "/authorities/new?parent={authority}",
    "authority-edit": "/authorities/{authority}/edit",
    "authority-connected": "/authorities/{elsewhere}",
    "authority-connected-edit": "/authorities/{elsewhere}/edit",
    "authority-connect-kinds": "/authorities/connect",
    "authority-connect-acme": "/authorities/connect/acme-issuer",
    "authority-connect-vault": "/authorities/connect/vault-issuer",
    "dns-providers": "/dns-providers/",
    "dns-providers-none": "/dns-providers/?q=no+such+provider",
    "dns-provider": "/dns-providers/{dns}",
    "dns-provider-unused": "/dns-providers/{spare}",
    "dns-provider-kinds": "/dns-providers/new",
    "dns-provider-new": "/dns-providers/new/rfc2136-dns",
    "dns-provider-edit": "/dns-providers/{dns}/edit",
    "dns-provider-delete": "/dns-providers/{dns}/delete",
    "notifications": "/notifications/",
    "notifications-none": "/notifications/?q=no+such+notification",
    "notification": "/notifications/{notification}",
    "notification-kinds": "/notifications/new",
    "notification-new": "/notifications/new/email-notification",
    "notification-edit": "/notifications/{notification}/edit",
    "notification-delete": "/notifications/{notification}/delete",
    "policies": "/policies/",
    "policy-new": "/policies/new",
    "policy-edit": "/policies/{policy}/edit",
    "people": "/people/",
    "people-none": "/people/?q=nobody+of+this+name",
    "person": "/people/{admin}",
    "person-off": "/people/{gone}",
    "person-new": "/people/new",
    "person-edit": "/people/{admin}/edit",
    "roles": "/roles/",
    "role": "/roles/{role}",
    "role-built-in": "/roles/{operator}",
    "role-new": "/roles/new",
    "role-edit": "/roles/{role}/edit",
    "role-members": "/roles/{operator}/members",
    "role-delete": "/roles/{role}/delete",
    "role-delete-used": "/roles/{operator}/delete",
    "role-credentials": "/roles/{role}/credentials",
    "account": "/account",
    "key-new": "/account/keys/new",
    "password": "/account/password",
    "audit": "/audit/",
    "audit-narrowed": "/audit/?event=role.created&actor=system",
    "audit-none": "/audit/?q=nothing+of+this+name",
    "not-found": "/nothing",
}
FORMS = {
    "order": "Order the certificate",
    "import": "Import",
    "authority-new": "Create the authority",
    "authority-connect-acme": "Connect the CA",
    "dns-provider-new": "Create",
    "person-new": "Add the person",
    "role-new": "Add the role",
    "role-members": "Save",
    "domain-new": "Add",
    "policy-new": "Create the policy",
    "revoke-served": "Revoke the certificate",
    "password": "Change the password",
    "key-new": "Make the key",
}
LIBRARIES = {"api-docs": "/api/docs", "admin": "/admin/", "admin-certificates": "/admin/certificates/certificate/"}
OF_THE_DEMO = ("www", "metrics", "git", "partner-edi", "vpn")

pytestmark = pytest.mark.server("chromium-headless-shell")


@pytest.fixture(scope="module")
def ids(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The ids of what the pages show."""
    api = site.api
    authorities = {one["name"]: one for one in api.get("authorities?count=100")["items"]}
    issuing = authorities["Demo Issuing"]
    found = {name: site.certificate(f"{name}.outfitters.example") for name in OF_THE_DEMO}
    found |= {"root": site.certificate("Example Outfitters Root CA"), "authority": issuing["id"]}
    found |= {"issuing": site.certificate("Example Outfitters Issuing CA 1")}
    found["notification"] = api.get("notifications?count=1")["items"][0]["id"]
    found["policy"] = api.get("policies?count=1")["items"][0]["id"]
    return {**found, **people(site), **orders(site, tmp_path_factory.mktemp("slow")), **dns_providers(site)}


def dns_providers(site: Site) -> dict[str, Any]:
    """One that the demo's issuing authority uses, and a spare one."""
    options = {"server": "ns1.outfitters.example", "keyName": "lemur", "keySecret": "c2VjcmV0LW9mLXRoZS1rZXk="}
    kind = {"slug": "rfc2136-dns", "pluginOptions": options}
    text = "The three name servers of the warehouse, behind the load balancer in rack 12, second floor."
    used = site.api.post("dns_providers", name="Name servers of the company", description=text, providerType=kind)
    site.api.put(f"authorities/{site.issuing}", dnsProvider={"id": used["id"]})
    spare = site.api.post("dns_providers", name="spare", active=False, providerType={"slug": "route53-dns"})
    return {"dns": used["id"], "spare": spare["id"], "elsewhere": elsewhere(site, used)["id"]}


def elsewhere(site: Site, provider: dict[str, Any]) -> dict[str, Any]:
    """A CA that speaks ACME, of which nothing is asked; its challenges are answered there."""
    options = {
        "acme_url": "https://acme.example.com/directory",
        "certificate": material().root.pem,
        "termsAgreed": True,
    }
    plugin = {"slug": "acme-issuer", "pluginOptions": options}
    own = {"name": "ACME for the shops", "owner": "pki@example.com", "commonName": "as its certificate says"}
    made: dict[str, Any] = site.api.post("authorities", plugin=plugin, dnsProvider={"id": provider["id"]}, **own)
    return made


def people(site: Site) -> dict[str, Any]:
    """Whoever is logged in, somebody who left, a role with a shared log-in, an API key."""
    site.api.post("keys", name="Grafana, in the big hall", ttl=90)
    gone = {"username": "wanda", "email": "wanda@example.com", "password": "Long gone, 1!", "active": False}
    operator = next(one["id"] for one in site.api.get("roles?count=100")["items"] if one["name"] == "operator")
    return {
        "admin": site.api.get("auth/me")["id"],
        "gone": site.api.post("users", roles=[{"id": operator}], **gone)["id"],
        "role": site.api.post("roles", name="dba", username="system", password="Oracle 5!")["id"],
        "operator": operator,
    }


def orders(site: Site, folder: Path) -> dict[str, Any]:
    """One of each state, of an authority that nothing points to; and a certificate that is being renewed."""
    slow = site.slow_authority("Example Outfitters Partner CA with a long name", folder)
    renewed = site.order("slow.example.com", slow)
    assert site.api.ask("POST", f"certificates/{renewed}/reissue", replace=True).status_code == 202
    return {
        "silent": slow,
        "renewed": renewed,
        "waiting": site.order("wait.example.com", slow),
        "doubtful": site.order("doubt.example.com", slow),
        "refused": site.order("refuse.example.com", slow),
    }


@pytest.fixture(scope="module")
def shown(site: Site) -> Iterator[Visitor]:
    """One window for all pages, so that static files are fetched once."""
    with site.visitor() as visitor:
        yield visitor


@pytest.fixture
def window(shown: Visitor) -> Iterator[Visitor]:
    """Without problems afterwards."""
    shown.problems.clear()
    yield shown
    assert shown.problems == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_well_also_on_a_telephone(window: Visitor, ids: dict[str, Any], name: str) -> None:
    window.open(PAGES[name].format(**ids))
    shows_well(window, name)


@pytest.mark.parametrize("name", FORMS)
def test_a_refused_form_with_everything_open_shows_well(window: Visitor, ids: dict[str, Any], name: str) -> None:
    window.open(PAGES[name].format(**ids))
    window.press(FORMS[name])
    window.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert window.page.get_by_role("alert").count() == 1
    shows_well(window, f"{name}-refused")


def test_a_new_key_and_a_shown_password_show_well(window: Visitor, ids: dict[str, Any]) -> None:
    window.open("/account/keys/new")
    window.fill("Name", "Backup of the cluster")
    window.press("Make the key")
    shows_well(window, "key-made")
    window.open(f"/roles/{ids['role']}/credentials")
    window.press("Show the password")
    shows_well(window, "role-credentials-shown")


def test_menus_show_well(window: Visitor) -> None:
    window.open("/")
    window.page.get_by_role("button", name="account and appearance").click()
    picture(window, "menu-account")
    assert faults(window) == []
    window.page.set_viewport_size(NARROW)
    window.open("/")
    window.page.get_by_role("button", name="Menu").click()
    picture(window, "menu-narrow")
    window.page.set_viewport_size(WIDE)


@pytest.mark.parametrize("name", LIBRARIES)
def test_pages_of_libraries_keep_our_security_policy(window: Visitor, name: str) -> None:
    window.open(LIBRARIES[name])
    window.page.wait_for_load_state("networkidle")
    for theme in THEMES:
        window.page.emulate_media(color_scheme=theme)
        picture(window, f"{name}-{theme}")
    window.page.emulate_media(color_scheme="light")
