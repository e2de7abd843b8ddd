"""Destinations and sources in a browser: from the cards to a certificate on a real SFTP server, and how it all looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.servers.sftp import SftpServer, sftp_server
from tests.system.installation import Installation, wait_until
from tests.ui.product import NARROW, WIDE, Site, Visitor
from tests.ui.test_looks import faults, picture

pytestmark = [pytest.mark.server("chromium"), pytest.mark.server("sshd")]
ATTACH = """
from certificates.models import Certificate, update_destinations
from stores.models import Destination
for certificate in Certificate.objects.filter(cn__in={names}):
    update_destinations(certificate, Destination.objects.get(label={label!r}))
"""


LATER = 240.0  # seconds: a delivery that a busy machine was too slow for is tried again after a minute


@pytest.fixture(scope="module")
def demo() -> str:
    return "1"


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of this machine, which the operator opens."""
    return tmp_path_factory.mktemp("found")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, demo: str, found: Path) -> Installation:
    home = tmp_path_factory.mktemp("ui") / "home"
    return Installation(home, LEMUR_DEMO=demo, SOURCE_DIRECTORIES=str(found), SWEEP_DEPLOYMENTS_SECONDS="1")


@pytest.fixture(scope="module")
def site(place: Installation, browser: Any) -> Iterator[Site]:
    running = place.start()
    try:
        running.wait_until_ready()
        yield Site(place, browser)
    finally:
        running.end()


def _says(me: Visitor, text: str) -> bool:
    """Once the page is asked for again."""
    me.page.reload()
    return text in me.page.inner_text("main")


def fill_in(me: Visitor, server: SftpServer, **changes: str) -> None:
    fields = {
        "Label": "web-1",
        "Host": "127.0.0.1",
        "Port": str(server.port),
        "User": server.user,
        "Host key": server.public(),
        "Destination path": str(server.files),
        "Private key": server.private(),
    }
    for label, text in {**fields, **changes}.items():
        me.fill(label, text)


def test_from_the_cards_to_a_certificate_on_the_machine(site: Site, place: Installation, server: SftpServer) -> None:
    with site.visitor() as me:
        me.open("/")
        me.follow("Destinations", inside="#sidebar")
        me.follow("Create a destination")
        me.page.get_by_role("link", name="SFTP").click()
        assert me.path == "/destinations/new/sftp-destination"
        fill_in(me, server, **{"Host key": server.public("stranger")})
        me.press("Create")
        assert (me.heading, me.told) == ("web-1", "It was created.")
        assert server.private().splitlines()[1] not in me.page.content()
        me.press("Test connection")
        assert "shows another host key" in me.told
        me.follow("Edit")
        me.fill("Host key", server.public())
        me.press("Save")
        assert me.told == "Saved."
        me.press("Test connection")
        assert me.told == "The connection works."
        names = ["www.outfitters.example"]
        done = place.manage("shell", "-c", ATTACH.format(names=names, label="web-1"))
        assert done.returncode == 0, done.stderr
        delivered = server.files / names[0] / f"{names[0]}.pem"
        wait_until(delivered.exists, LATER)
        wait_until(lambda: _says(me, "There"))
    certificate = x509.load_pem_x509_certificates(delivered.read_bytes())[0]
    assert "www.outfitters.example" in certificate.subject.rfc4514_string()


def test_looking_into_a_directory(site: Site, found: Path) -> None:
    body = site.api.get("certificates?filter=cn;www.outfitters&count=1")["items"][0]["body"]
    (found / "shop.pem").write_text(body)
    with site.visitor() as me:
        me.open("/sources/new/directory-source")
        me.fill("Label", "files")
        me.fill("Path", "/etc")
        me.press("Create")
        assert "SOURCE_DIRECTORIES" in me.error_at("Path")
        me.fill("Path", str(found))
        me.press("Create")
        assert me.heading == "files"
        me.press("Test connection")
        assert me.told == "The connection works."
        me.press("Look what is there")
        assert me.heading == "What is there"
        assert me.page.get_by_role("link", name="www.outfitters.example").is_visible()


@pytest.fixture(scope="module")
def ids(site: Site, place: Installation, server: SftpServer, found: Path) -> dict[str, Any]:
    """A destination where one certificate is given up, one is there and one waits; one without any; a source."""
    plugin = {"slug": "sftp-destination", "pluginOptions": server.options()}
    text = "Storefront machines behind the load balancer in rack 12, second floor."
    shown = site.api.post("destinations", label="shop-eu-west-1", description=text, plugin=plugin)
    empty = site.api.post("destinations", label="standby", description="", active=False, plugin=plugin)
    names = ["payments.outfitters.example", "partner-edi.outfitters.example", "img.outfitters.example"]
    done = place.manage("shell", "-c", ATTACH.format(names=names, label="shop-eu-west-1"))
    assert done.returncode == 0, done.stderr
    wait_until((server.files / "payments.outfitters.example").exists, LATER)
    source = site.api.post(
        "sources", label="looked at", plugin={"slug": "directory-source", "pluginOptions": {"path": str(found)}}
    )
    return {"destination": shown["id"], "empty": empty["id"], "source": source["id"]}


PAGES = {
    "destinations": "/destinations/",
    "destination-kinds": "/destinations/new",
    "destination-new": "/destinations/new/sftp-destination",
    "destination": "/destinations/{destination}",
    "destination-empty": "/destinations/{empty}",
    "destination-edit": "/destinations/{destination}/edit",
    "destination-delete": "/destinations/{destination}/delete",
    "sources": "/sources/",
    "source": "/sources/{source}",
    "source-new": "/sources/new/directory-source",
    "source-delete": "/sources/{source}/delete",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_shows_well_also_on_a_telephone(site: Site, ids: dict[str, Any], theme: Any) -> None:
    with site.visitor(color_scheme=theme) as me:
        for name, address in PAGES.items():
            me.page.set_viewport_size(WIDE)
            me.open(address.format(**ids))
            picture(me, f"{name}-{theme}")
            assert faults(me) == [], name
            me.page.set_viewport_size(NARROW)
            picture(me, f"{name}-{theme}-narrow")
            assert me.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
        me.page.set_viewport_size(WIDE)
        me.open(f"/sources/{ids['source']}")
        me.press("Look what is there")
        picture(me, f"source-found-{theme}")
        assert faults(me) == []
        me.open("/destinations/new/sftp-destination")
        me.fill("Host", "two words")
        me.press("Create")
        picture(me, f"destination-refused-{theme}")
        assert faults(me) == []
