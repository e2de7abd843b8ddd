"""The page that revokes: it asks first, says what would break, and does what it says."""

from __future__ import annotations

import pytest
from django.test import Client

from certificates import service
from certificates.models import Certificate, Revocation
from lifecycle.models import Endpoint
from stores.models import Source
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca)


@pytest.fixture
def alice(people) -> Client:
    client = Client()
    client.force_login(people.alice)
    return client


def page(certificate: Certificate) -> str:
    return f"/certificates/{certificate.pk}/revoke"


def test_the_button(alice, hers, people):
    assert page(hers) in alice.get(f"/certificates/{hers.pk}").content.decode()
    alice.force_login(people.charlie)
    assert page(hers) not in alice.get(f"/certificates/{hers.pk}").content.decode()


def test_revoke(alice, hers):
    answer = alice.post(page(hers), {"reason": "keyCompromise", "comments": "lost"}, follow=True)
    assert answer.redirect_chain == [(f"/certificates/{hers.pk}", 302)]
    assert "The certificate is revoked." in answer.content.decode()
    assert (Revocation.objects.get().reason, Revocation.objects.get().comments) == ("keyCompromise", "lost")
    text = alice.get(page(hers)).content.decode()
    assert "keyCompromise" in text
    assert '<button class="btn btn-danger">' not in text


def test_a_hold_is_ended_there(alice, hers):
    assert "on hold" in alice.post(page(hers), {"reason": "certificateHold"}, follow=True).content.decode()
    assert "End the hold" in alice.get(page(hers)).content.decode()
    assert "good again" in alice.post(page(hers), {"reason": "removeFromCRL"}, follow=True).content.decode()
    assert "End the hold" not in alice.get(page(hers)).content.decode()


def test_what_is_served_must_be_insisted_on(alice, hers):
    source = Source.objects.create(label="s", plugin="none")
    Endpoint.objects.create(name="e", dnsname="www.example.org", port=443, source=source, certificate=hers)
    assert "www.example.org:443" in alice.get(page(hers)).content.decode()
    refused = alice.post(page(hers), {"reason": "superseded"})
    assert (refused.status_code, Revocation.objects.count()) == (400, 0)
    assert "Tick this" in refused.content.decode()
    assert alice.post(page(hers), {"reason": "superseded", "force": "on"}).status_code == 302


def test_of_an_authority_it_says_how_many_are_under_it(people, root_ca, client):
    lower = an_authority(people.root, name="Lower", parent=root_ca, roles=[people.team])
    a_certificate(people.alice, lower)
    client.force_login(people.root)
    own = Certificate.objects.get(root_authority=lower)
    assert "1 valid certificate is under it" in client.get(page(own)).content.decode()
    assert client.post(page(own), {"reason": "cACompromise"}).status_code == 400
    assert client.post(page(own), {"reason": "cACompromise", "force": "on"}).status_code == 302


def test_what_nobody_here_can_revoke_says_so_in_the_form(alice, people, hers):
    known = service.upload(by=people.alice, body=hers.body, owner=people.alice.email)
    answer = alice.post(page(known), {"reason": "superseded"})
    assert answer.status_code == 400
    assert "Revoke is not implemented" in answer.content.decode()


def test_nothing_else_than_a_reason(alice, hers):
    assert alice.post(page(hers), {"reason": "boredom"}).status_code == 400
    assert alice.post(page(hers), {"reason": "removeFromCRL"}).status_code == 400


class TestAuthorityPages:
    def form(self, **changes):
        return {
            "kind": "root", "name": "New", "common_name": "New CA", "owner": "pki@example.org",
            "key_type": "ECCPRIME256V1", **changes,
        }  # fmt: skip

    def test_the_address_is_shown_and_confirmed(self, people, client, settings):
        settings.PKI_ROOT = "http://pki.example.org"
        client.force_login(people.root)
        assert 'value="http://pki.example.org"' in client.get("/authorities/new").content.decode()
        base = {"pki_base_url": "http://pki.example.org/"}
        refused = client.post("/authorities/new", self.form(**base))
        assert refused.status_code == 400
        assert "Confirm the address" in refused.content.decode()
        made = client.post("/authorities/new", self.form(**base, pki_confirmed="on"), follow=True)
        text = made.content.decode()
        assert "http://pki.example.org/pki/" in text
        assert "number 1" in text
        assert "valid until" in text

    def test_an_address_that_cannot_be(self, people, client):
        client.force_login(people.root)
        refused = client.post("/authorities/new", self.form(pki_base_url="https://pki.example.org", pki_confirmed="on"))
        assert refused.status_code == 400
        assert "without TLS" in refused.content.decode()

    def test_without_an_address_the_page_warns(self, people, client):
        client.force_login(people.root)
        made = client.post("/authorities/new", self.form(), follow=True)
        assert "It has no public base URL" in made.content.decode()
