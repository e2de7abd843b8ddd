"""Rotations, held renewals, findings and syncs over the API, and their pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.timezone import now as clock

from certificates import service
from lifecycle.models import Brake, Endpoint, EndpointRotation, Finding, Sync
from stores import service as stores
from stores.models import Source
from tests import odd_endpoints, odd_stores
from tests.factories import a_certificate
from tests.people import api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def odd(monkeypatch) -> None:
    odd_stores.register(monkeypatch)
    odd_endpoints.register(monkeypatch)


@pytest.fixture
def source(people) -> Source:
    return stores.create(Source, label="scan", plugin="seeing-source", by=people.root)


@pytest.fixture
def rotation(people, root_ca, source) -> EndpointRotation:
    old = a_certificate(people.alice, root_ca)
    endpoint = Endpoint.objects.create(name="www", dnsname="www", port=443, type="tls", source=source, certificate=old)
    new = service.reissue_certificate(old, replace=True, user=people.alice)
    return EndpointRotation.objects.create(
        endpoint=endpoint, certificate=new, replaces=old, state="failed", last_error="still serves another"
    )


@pytest.fixture
def brake(db) -> Brake:
    return Brake.objects.create(began_at=clock(), due=1234, allowed=25)


@pytest.fixture
def finding(people, root_ca, source) -> Finding:
    leaf = a_certificate(people.alice, root_ca, cn="found.example.org")
    return Finding.objects.create(fingerprint=leaf.fingerprint, certificate=leaf, source=source, found_at=clock())


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user, address: str) -> str:
    return browser(user).get(address).content.decode().partition("<main")[2]


class TestRotations:
    def test_as_json(self, people, rotation):
        [item] = api(people.dora).get("/api/1/rotations?filter=state;failed").json()["items"]
        assert item["endpoint"] == {"id": rotation.endpoint_id, "dnsname": "www", "port": 443}
        assert (item["certificate"]["id"], item["replaces"]["id"]) == (rotation.certificate_id, rotation.replaces_id)
        assert (item["state"], item["lastError"], item["rolledBackAt"]) == ("failed", "still serves another", None)

    def test_again_and_back(self, people, rotation):
        alice, address = api(people.alice), f"/api/1/rotations/{rotation.pk}"
        assert alice.post(f"{address}/retry").json()["state"] == "waiting"
        assert alice.post(f"{address}/retry").status_code == 409
        assert alice.post(f"{address}/rollback").json()["rolledBackAt"] is not None
        assert alice.post(f"{address}/rollback").status_code == 409
        assert api(people.charlie).post(f"{address}/rollback").status_code == 403

    def test_the_page(self, people, rotation):
        shown = page(people.alice, "/rotations/")
        assert "www:443" in shown
        assert "still serves another" in shown
        assert "Roll back" in shown
        assert "Roll back" not in page(people.charlie, "/rotations/")
        browser(people.alice).post(f"/rotations/{rotation.pk}/retry")
        assert "Waiting" in page(people.alice, "/rotations/")
        answer = browser(people.alice).post(f"/rotations/{rotation.pk}/rollback", follow=True)
        assert "The certificate before is in its place again." in answer.content.decode()
        assert "Rolled back" in page(people.alice, "/rotations/")
        answer = browser(people.alice).post(f"/rotations/{rotation.pk}/rollback", follow=True)
        assert "It cannot be rolled back" in answer.content.decode()

    def test_the_page_of_the_certificate_tells_of_it(self, people, rotation):
        browser(people.alice).post(f"/rotations/{rotation.pk}/rollback")
        assert "Rotation rolled back" in page(people.dora, f"/certificates/{rotation.certificate_id}")


class TestBrakes:
    def test_an_administrator_lets_them_go(self, people, brake):
        address = f"/api/1/brakes/{brake.pk}/release"
        assert api(people.olga).post(address).status_code == 403
        assert api(people.root).post(address).json()["releasedBy"]["username"] == "root"
        Brake.objects.update(open=False)
        assert api(people.root).post(address).status_code == 409

    def test_the_page(self, people, brake):
        shown = page(people.dora, "/rotations/")
        assert "1,234 certificates are due for renewal at once, and 25 an hour" in shown
        assert "Renew all of them now" not in shown
        assert "Renew all of them now" in page(people.root, "/rotations/")
        browser(people.root).post(f"/rotations/brakes/{brake.pk}/release")
        assert "root has let all of them go" in page(people.dora, "/rotations/")


class TestFindings:
    def test_deciding(self, people, finding):
        address = f"/api/1/findings/{finding.pk}"
        assert [one["id"] for one in api(people.dora).get("/api/1/findings?filter=state;new").json()["items"]] == [
            finding.pk
        ]
        assert api(people.charlie).post(f"{address}/claim").status_code == 403
        assert api(people.olga).post(f"{address}/assign", {"owner": "no"}, format="json").status_code == 400
        answer = api(people.olga).post(f"{address}/assign", {"owner": "web@example.org"}, format="json").json()
        assert (answer["state"], answer["decidedBy"]["username"]) == ("assigned", "olga")
        assert api(people.root).post(f"{address}/dismiss").json()["state"] == "dismissed"
        assert api(people.root).post(f"{address}/claim").json()["state"] == "assigned"

    def test_the_page(self, people, finding):
        assert "found.example.org" in page(people.dora, "/found/")
        assert f"/found/{finding.pk}/dismiss" not in page(people.charlie, "/found/")
        assert f"/found/{finding.pk}/dismiss" in page(people.olga, "/found/")
        assert browser(people.olga).post(f"/found/{finding.pk}/assign", {"owner": "no"}).status_code == 400
        browser(people.olga).post(f"/found/{finding.pk}/assign", {"owner": "web@example.org"})
        finding.certificate.refresh_from_db()
        assert finding.certificate.owner == "web@example.org"
        assert "found.example.org" not in page(people.olga, "/found/")
        assert "Assigned" in page(people.olga, "/found/?state=assigned")
        browser(people.root).post(f"/found/{finding.pk}/dismiss")
        assert "Dismissed" in page(people.olga, "/found/?state=dismissed")


class TestSyncs:
    def test_asking_and_stopping(self, people, source):
        root, body = api(people.root), {"source": {"id": source.pk}}
        assert api(people.alice).post("/api/1/syncs", body, format="json").status_code == 403
        made = root.post("/api/1/syncs", body, format="json").json()
        assert (made["state"], made["sourceLabel"], made["seen"]) == ("waiting", "scan", 0)
        assert root.post(f"/api/1/syncs/{made['id']}/cancel").json()["cancelled"] is True
        Sync.objects.update(state="done")
        assert root.post(f"/api/1/syncs/{made['id']}/cancel").status_code == 409
        stores.update(source, active=False, by=people.root)
        assert root.post("/api/1/syncs", body, format="json").status_code == 412
        assert root.post("/api/1/syncs", {"source": {"name": "scan"}}, format="json").status_code == 412

    def test_the_page(self, people, source):
        root = browser(people.root)
        root.post(f"/sources/{source.pk}/sync")
        Sync.objects.update(seen=1234)
        answer = root.get("/found/")
        assert answer["Refresh"] == "3"
        assert "1,234 seen" in answer.content.decode()
        assert "Stop" not in page(people.alice, "/found/")
        root.post(f"/syncs/{Sync.objects.get().pk}/cancel")
        assert Sync.objects.get().cancelled
        Sync.objects.update(state="failed", last_error="It was cancelled.")
        answer = root.get("/found/")
        assert "Refresh" not in answer
        assert "It was cancelled." in answer.content.decode()
