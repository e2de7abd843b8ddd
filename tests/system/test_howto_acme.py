"""Connect an ACME CA, as the page says: with the product, its worker, Pebble and Knot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.knot import Knot, knot
from tests.servers.pebble import Pebble, pebble
from tests.system.documents import run_shell
from tests.system.installation import Installation

pytestmark = pytest.mark.server("pebble", "knotd", "curl", "openssl")
PAGE = "docs/howto/connect-an-acme-ca.md"


@pytest.fixture(scope="module")
def names() -> Iterator[Knot]:
    with knot() as running:
        yield running


@pytest.fixture(scope="module")
def ca(names: Knot) -> Iterator[Pebble]:
    with pebble(names.address) as running:
        yield running


def test_an_acme_ca_is_connected_and_issues(product: Installation, ca: Pebble, names: Knot, tmp_path: Path) -> None:
    (tmp_path / "acme-ca.pem").write_text(ca.ca())
    (tmp_path / "acme-tls.pem").write_text(ca.root)
    instead = {
        "https://acme-staging-v02.api.letsencrypt.org/directory": ca.directory,
        "host=www.example.com": "host=howto.example.org",
        "zone=example.com": "zone=example.org",
        "name_server=ns1.example.com": "name_server=127.0.0.1",
        "name_server_port=53": f"name_server_port={names.port}",
        "c2VjcmV0LW9mLXRoZS1rZXk=": names.secret,
    }
    shown = run_shell(PAGE, tmp_path, product.home, product.port, instead)
    assert '{"works":true,"problem":""}' in shown.replace(" ", "")
    assert "issuer=CN = Pebble Intermediate CA" in shown.replace("CN=", "CN = ")
    assert "DNS:howto.example.org" in shown
    assert "DNS:*.howto.example.org" in shown
    assert len(ca.issued()) == 1
    assert names.texts("_acme-challenge.howto.example.org") == set()
