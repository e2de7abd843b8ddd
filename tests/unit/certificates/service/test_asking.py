"""Endpoints are asked whether they serve a certificate: real ones, on loopback addresses."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from cryptography import x509

from certificates import service
from certificates.models import Certificate, Revocation
from certificates.service import asking
from certificates.service.revoking import consequences
from core import keys
from core.errors import Forbidden
from lifecycle.models import Endpoint
from plugins import network
from stores.models import Source
from tests.factories import a_certificate
from tests.people import api
from tests.pki_material import Pair, material
from tests.servers.tls import tls_server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(settings) -> Iterator[None]:
    settings.ASK_ENDPOINTS_SECONDS = 120  # however busy the machine is
    network.configure(allow=["127.0.0.0/8"])
    yield
    network.configure(allow=[])


@pytest.fixture
def hers(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca)


def pair(certificate: Certificate) -> Pair:
    return Pair(x509.load_pem_x509_certificate(certificate.body.encode()), keys.reveal(certificate.private_key))


def seen(certificate: Certificate, port: int, host: str = "127.0.0.1") -> Endpoint:
    source, _ = Source.objects.get_or_create(label="scan", plugin="none")
    return Endpoint.objects.create(
        name="www", dnsname=host, port=port, type="tls", source=source, certificate=certificate
    )


def test_it_serves_it(people, hers):
    with tls_server(pair(hers)) as port:
        seen(hers, port)
        assert consequences(hers).endpoints == (f"127.0.0.1:{port}",)
        assert service.is_attached_to_endpoint(hers.name, "www")
        assert not service.is_attached_to_endpoint(hers.name, "other")
        assert not service.is_attached_to_endpoint("other", "www")
        with pytest.raises(Forbidden, match=f"They are 127.0.0.1:{port}. Insist with force"):
            service.revoke(hers, by=people.alice)
        assert service.revoke(hers, by=people.alice, force=True).state == "done"


def test_it_serves_another_one_by_now(people, hers, client):
    with tls_server(material().leaf) as port:
        seen(hers, port)
        found = consequences(hers)
        assert (found.endpoints, found.unasked, found.serious) == ((), (), False)
        assert found.elsewhere == (f"127.0.0.1:{port}",)
        assert not service.is_attached_to_endpoint(hers.name, "www")
        client.force_login(people.alice)
        page = client.get(f"/certificates/{hers.pk}/revoke").content.decode()
        assert "serve another certificate by now" in page
        assert 'name="force"' not in page
        assert client.post(f"/certificates/{hers.pk}/revoke", {"reason": "superseded"}).status_code == 302
    assert Revocation.objects.get().state == "done"


def test_it_cannot_be_asked(people, hers):
    endpoint = seen(hers, 9, "169.254.169.254")
    [said] = consequences(hers).unasked
    assert said.startswith(f"169.254.169.254:9 (last seen there {endpoint.last_updated:%Y-%m-%d %H:%M} UTC; ")
    assert "an address that is never contacted" in said
    assert service.is_attached_to_endpoint(hers.name, "www")
    answer = api(people.alice).put(f"/api/1/certificates/{hers.pk}/revoke", {}, format="json")
    assert answer.status_code == 403
    assert "last seen there" in answer.json()["message"]


def test_whoever_insists_waits_for_nobody(people, hers, monkeypatch, client):
    seen(hers, 443)
    monkeypatch.setattr(asking, "serves", lambda *_, **__: 1 / 0)
    client.force_login(people.alice)
    given = {"reason": "superseded", "force": "on"}
    assert client.post(f"/certificates/{hers.pk}/revoke", given).status_code == 302


def test_where_the_site_asks_nobody(hers, settings, monkeypatch):
    settings.ASK_ENDPOINTS_SECONDS = 0
    monkeypatch.setattr(asking, "serves", lambda *_, **__: 1 / 0)
    seen(hers, 443)
    assert "it was not asked" in consequences(hers).unasked[0]


def test_only_so_many_are_asked(hers, monkeypatch):
    monkeypatch.setattr(asking, "MOST", 1)
    monkeypatch.setattr(asking, "serves", lambda *_, **__: False)
    for port in (1, 2, 3):
        seen(hers, port)
    found = consequences(hers)
    assert len(found.elsewhere) == 1
    assert all("only 1 are asked at once" in one for one in found.unasked)
    assert len(found.unasked) == 2


def test_there_is_an_end_to_it(hers, monkeypatch, settings):
    settings.ASK_ENDPOINTS_SECONDS = 0.05
    waiting = threading.Event()
    monkeypatch.setattr(asking, "serves", lambda *_, **__: waiting.wait(10))
    seen(hers, 443)
    try:
        assert "it did not answer in time" in consequences(hers).unasked[0]
    finally:
        waiting.set()
