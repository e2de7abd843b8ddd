"""Real roots, oddities and all, go through the API and come out of export as the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.people import People, api

DEBIAN = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFI = Path(certifi.where())

Check = Callable[[str], None]

pytestmark = pytest.mark.django_db


def roots_in(bundle: Path) -> dict[str, str]:
    """PEM texts by their SHA-256."""
    found = re.findall("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", bundle.read_text(), re.DOTALL)
    assert len(found) > 100
    return {fingerprint(pem): pem for pem in found}


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def export(client: APIClient, certificate: int, slug: str) -> bytes:
    answer = client.post(f"/api/1/certificates/{certificate}/export", {"plugin": {"slug": slug}}, format="json")
    assert answer.status_code == 200, answer.content
    return base64.b64decode(answer.json()["data"])


@pytest.fixture
def check(people: People, client: Client) -> Check:
    """Imports one root, exports it twice and opens its page."""
    alice = api(people.alice)
    client.force_login(people.alice)

    def check(pem: str) -> None:
        body = {"body": pem, "owner": people.alice.email}
        answer = alice.post("/api/1/certificates/upload", body, format="json")
        assert answer.status_code == 200, (answer.content, pem)
        made = answer.json()
        exported = [export(alice, made["id"], "pem-export").decode(), made["body"]]
        assert {fingerprint(pem) for pem in exported} == {made["fingerprint"]} == {fingerprint(pem)}
        assert hashlib.sha256(export(alice, made["id"], "der-export")).hexdigest() == fingerprint(pem)
        assert client.get(f"/certificates/{made['id']}").status_code == 200

    return check


def test_every_root_of_certifi_comes_out_as_it_went_in(check: Check) -> None:
    for pem in roots_in(CERTIFI).values():
        check(pem)


@pytest.mark.server("update-ca-certificates")
@pytest.mark.thorough
def test_and_so_does_every_other_root_of_debian(check: Check) -> None:
    known = roots_in(CERTIFI)
    for digest, pem in roots_in(DEBIAN).items():
        if digest not in known:
            check(pem)
