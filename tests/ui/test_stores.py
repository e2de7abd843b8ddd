"""Destinations and sources in a browser: from the cards to a certificate on a real SFTP server, and how it all looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.servers.sftp import SftpServer, sftp_server
from tests.system.installation import wait_until
from tests.ui.looking import shows_well
from tests.ui.product import Site, Visitor

pytestmark = [pytest.mark.server("chromium-headless-shell"), pytest.mark.server("sshd")]
NAME = "kafka-1.outfitters.example"
LATER = 240.0  # seconds: a delivery that a busy machine was too slow for is tried again after a minute


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


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


def test_from_the_cards_to_a_certificate_on_the_machine(site: Site, server: SftpServer) -> None:
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
        place = me.path
        me.open(f"/certificates/{site.certificate(NAME)}/edit")
        me.choose("web-1", "checkbox")
        me.press("Save")
        assert me.told == "Saved."
        me.open(place)
        delivered = server.files / NAME / f"{NAME}.pem"
        wait_until(delivered.exists, LATER)
        wait_until(lambda: _says(me, "There"))
    certificate = x509.load_pem_x509_certificates(delivered.read_bytes())[0]
    assert NAME in certificate.subject.rfc4514_string()


def test_looking_into_a_directory(site: Site, opened: Path) -> None:
    number = site.certificate("www.outfitters.example")
    (opened / "shop.pem").write_text(site.api.get(f"certificates/{number}")["body"])
    with site.visitor() as me:
        me.open("/sources/new/directory-source")
        me.fill("Label", "files")
        me.fill("Path", "/etc")
        me.press("Create")
        assert "SOURCE_DIRECTORIES" in me.error_at("Path")
        me.fill("Path", str(opened))
        me.press("Create")
        assert me.heading == "files"
        me.press("Test connection")
        assert me.told == "The connection works."
        me.press("Look what is there")
        assert me.heading == "What is there"
        assert me.page.get_by_role("link", name="www.outfitters.example").is_visible()
        shows_well(me, "source-found")


def test_a_refused_destination_shows_well(visitor: Visitor) -> None:
    visitor.open("/destinations/new/sftp-destination")
    visitor.fill("Host", "two words")
    visitor.press("Create")
    shows_well(visitor, "destination-refused")


@pytest.fixture(scope="module")
def ids(site: Site, server: SftpServer, opened: Path) -> dict[str, Any]:
    """A destination where a certificate is, one that cannot be reached, one without any; a source."""
    plugin = {"slug": "sftp-destination", "pluginOptions": server.options()}
    text = "Storefront machines behind the load balancer in rack 12, second floor."
    shown = site.api.post("destinations", label="shop-eu-west-1", description=text, plugin=plugin)
    empty = site.api.post("destinations", label="standby", description="", active=False, plugin=plugin)
    number = site.certificate("payments.outfitters.example")
    site.api.put(f"certificates/{number}", destinations=[{"id": shown["id"]}])
    stranger = {**plugin, "pluginOptions": server.options(hostKey=server.public("stranger"))}
    failing = site.api.post("destinations", label="shop-eu-west-2", description="", plugin=stranger)
    number = site.certificate("img.outfitters.example")
    site.api.put(f"certificates/{number}", destinations=[{"id": failing["id"]}])
    wait_until((server.files / "payments.outfitters.example").exists, LATER)
    look = {"slug": "directory-source", "pluginOptions": {"path": str(opened)}}
    source = site.api.post("sources", label="looked at", plugin=look)
    return {"destination": shown["id"], "failing": failing["id"], "empty": empty["id"], "source": source["id"]}


PAGES = {
    "destinations": "/destinations/",
    "destination-kinds": "/destinations/new",
    "destination-new": "/destinations/new/sftp-destination",
    "destination": "/destinations/{destination}",
    "destination-failing": "/destinations/{failing}",
    "destination-empty": "/destinations/{empty}",
    "destination-edit": "/destinations/{destination}/edit",
    "destination-delete": "/destinations/{destination}/delete",
    "sources": "/sources/",
    "source": "/sources/{source}",
    "source-new": "/sources/new/directory-source",
    "source-delete": "/sources/{source}/delete",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_well_also_on_a_telephone(visitor: Visitor, ids: dict[str, Any], name: str) -> None:
    visitor.open(PAGES[name].format(**ids))
    shows_well(visitor, name)
