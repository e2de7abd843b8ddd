"""Exports ask the certificate's permissions first, and write down who got a key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from certificates import service
from core.audit import Event
from core.errors import Forbidden, Invalid
from core.models import AuditEntry
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db

PKCS12 = {"slug": "openssl-export", "pluginOptions": [{"name": "type", "value": "PKCS12 (.p12)"}]}
TRUST = {"slug": "java-truststore-jks"}


@pytest.fixture
def hers(people, issuing_ca):
    return a_certificate(people.alice, issuing_ca)


def test_pkcs12_carries_key_and_chain(people, hers):
    extension, passphrase, data = service.export(hers, PKCS12, by=people.alice)
    key, leaf, chain = pkcs12.load_key_and_certificates(data, passphrase.encode())
    assert extension == "p12"
    assert leaf == hers.parsed
    assert key.public_key() == hers.public_key
    assert chain == hers.issuers


def test_handing_out_a_key_is_written_down_as_such(people, hers):
    service.export(hers, PKCS12, by=people.alice)
    entry = AuditEntry.objects.first()
    assert (entry.event, entry.details) == (Event.KEY_REVEALED, {"plugin": "openssl-export"})


def test_a_csr_takes_the_right_to_use_the_key_and_hands_out_none(people, hers):
    _, _, data = service.export(hers, {"slug": "openssl-csr"}, by=people.alice)
    assert x509.load_pem_x509_csr(data).public_key() == hers.public_key
    entry = AuditEntry.objects.first()
    assert (entry.event, entry.details) == (Event.CERTIFICATE_EXPORTED, {"plugin": "openssl-csr"})
    with pytest.raises(Forbidden):
        service.export(hers, {"slug": "openssl-csr"}, by=people.charlie)


def test_without_the_key_anybody_may(people, hers):
    extension, _, _ = service.export(hers, TRUST, by=people.charlie)
    assert extension == "jks"
    assert AuditEntry.objects.first().event == Event.CERTIFICATE_EXPORTED
    with pytest.raises(Forbidden):
        service.export(hers, PKCS12, by=people.charlie)


def test_a_cas_key_leaves_in_no_form(people, issuing_ca):
    own = issuing_ca.own_certificates.get()
    with pytest.raises(Forbidden):
        service.export(own, PKCS12, by=people.root)
    with pytest.raises(Forbidden):
        service.reveal(own, by=people.root)
    assert service.export(own, {"slug": "pem-export", "pluginOptions": []}, by=people.charlie)[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"slug": "nothing"},
        {"slug": "cryptography-issuer"},
        {"slug": "openssl-export"},
        {"slug": "openssl-export", "pluginOptions": [{"name": "type", "value": "ZIP"}]},
        {"slug": "openssl-export", "pluginOptions": "x"},
        {"slug": 7},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(people, hers, wrong):
    with pytest.raises(Invalid):
        service.export(hers, wrong, by=people.alice)
