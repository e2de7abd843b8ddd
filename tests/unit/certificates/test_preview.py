"""What an order would lead to is said before it is placed."""

from __future__ import annotations

import pytest
from django.test import Client

from certificates.models import Certificate, Order
from core.models import StoredKey
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(people, root_ca):
    client = Client()
    client.force_login(people.alice)
    usual = {"owner": "alice@example.org", "authority": root_ca.pk, "profile": "server", "key_type": "ECCPRIME256V1"}

    def ask(**fields):
        answer = client.post("/certificates/preview", {**usual, **fields})
        assert answer.status_code == 200
        return answer.content.decode()

    return ask


def test_it_says_what_will_be_issued_and_writes_nothing(ask):
    keys = StoredKey.objects.count()
    shown = ask(names="www.example.org\n192.0.2.1", validity_days="90")
    assert "www.example.org, 192.0.2.1" in shown
    assert "CN=www.example.org" in shown
    assert "90 days" in shown
    assert "P-256, made and kept sealed here" in shown
    assert (Order.objects.count(), StoredKey.objects.count()) == (0, keys)


def test_what_is_missing_is_named(ask):
    assert "Names: Give at least one name, or a signing request." in ask(names="")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"names": "bad_name!.example.org"}, "bad_name"),
        ({"names": "www.example.org", "validity_days": "36000"}, "valid"),
        ({"names": "www.example.org", "csr": "nonsense"}, "CSR"),
    ],
)
def test_what_will_be_refused_is_said_at_once(ask, fields, said):
    shown = ask(**fields)
    assert 'class="note note-error"' in shown
    assert said in shown


def test_a_certificate_for_the_same_name_is_shown(ask, people, root_ca):
    twin = a_certificate(people.alice, root_ca, cn="www.example.org")
    assert twin.name in ask(names="other.example.org\nwww.example.org")
    assert twin.name not in ask(names="www.example.org", replaces=[twin.pk])
    Certificate.objects.filter(pk=twin.pk).update(status="revoked")
    assert twin.name not in ask(names="www.example.org")


def test_more_than_public_authorities_may_is_mentioned(ask):
    assert "Longer than a public authority may issue" in ask(names="www.example.org", validity_days="365")
    assert "Longer than" not in ask(names="www.example.org", validity_days="40")
