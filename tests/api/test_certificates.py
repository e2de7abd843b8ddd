"""Certificates over the API."""

from __future__ import annotations

import pytest
from cryptography import x509

from certificates.models import Order
from tests.people import People, api

pytestmark = pytest.mark.django_db


def an_order(authority, **changes):
    names = [{"nameType": "DNSName", "value": "www.example.org"}, {"nameType": "IPAddress", "value": "10.0.0.1"}]
    body = {
        "owner": "Alice@Example.org",
        "commonName": "example.org",
        "authority": {"name": authority.name},
        "extensions": {"subAltNames": {"names": names}},
    }
    return {**body, **changes}


def test_a_p256_certificate_from_a_root(people: People, root_ca):
    answer = api(people.alice).post("/api/1/certificates", an_order(root_ca), format="json")

    assert answer.status_code == 200, answer.json()
    made = answer.json()
    certificate = x509.load_pem_x509_certificate(made["body"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["example.org", "www.example.org"]
    assert made["owner"] == "alice@example.org"
    assert made["keyType"] == "ECCPRIME256V1"
    assert [domain["name"] for domain in made["domains"]] == ["example.org", "www.example.org", "10.0.0.1"]
    assert made["chain"] == root_ca.body
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(root_ca.body.encode()))


@pytest.mark.parametrize(
    ("extensions", "profile"),
    [
        (
            {"extendedKeyUsage": {"useServerAuthentication": True, "useClientAuthentication": True}},
            "server-and-client",
        ),
        ({"extendedKeyUsage": {"useClientAuthentication": True}}, "client"),
        ({"subAltNames": {"names": [{"nameType": "rfc822Name", "value": "a@example.org"}]}}, "client"),
        ({}, "server"),
    ],
)
def test_an_order_that_names_no_profile_gets_one_that_fits(people: People, root_ca, extensions, profile):
    answer = api(people.alice).post("/api/1/certificates", an_order(root_ca, extensions=extensions), format="json")
    assert answer.status_code == 200, answer.json()
    assert Order.objects.get(certificate=answer.json()["id"]).profile == profile


def test_what_no_profile_allows_is_refused_by_the_usual_one(people: People, root_ca):
    asked = {"extendedKeyUsage": {"useCodeSigning": True}}
    answer = api(people.alice).post("/api/1/certificates", an_order(root_ca, extensions=asked), format="json")
    assert answer.status_code == 400
    assert "Profile server does not allow" in answer.json()["reasons"]["extensions"]["extendedKeyUsage"]


def test_unknown_keys_of_extensions_are_ignored(people: People, root_ca):
    asked = {
        "subAltName": {"names": []},
        "authorityIdentifier": {},
        "keyUsage": {"useEverything": "perhaps", "useDigitalSignature": True},
        "extendedKeyUsage": {"useIpsec": True},
    }
    answer = api(people.alice).post("/api/1/certificates", an_order(root_ca, extensions=asked), format="json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["extensions"]["keyUsage"]["useDigitalSignature"]


class TestExtensionsOfAnAuthority:
    def made(self, people, **changes):
        body = {"name": "New", "owner": "pki@example.org", "commonName": "New CA", **changes}
        return api(people.root).post("/api/1/authorities", body, format="json")

    @pytest.mark.parametrize(
        ("said", "length"),
        [
            ({"extensions": {"basicConstraints": {"ca": True, "path_length": 1}}}, 1),
            ({"extensions": {"basicConstraints": {"ca": True, "path_length": 1}}, "pathLength": 2}, 2),
            ({"extensions": {"subAltNames": {"names": []}, "keyUsage": {"useKeyCertSign": True}}}, None),
        ],
    )
    def test_the_path_length_in_them(self, people, said, length):
        answer = self.made(people, **said)
        assert answer.status_code == 200, answer.json()
        read = x509.load_pem_x509_certificate(answer.json()["body"].encode())
        assert read.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == length

    @pytest.mark.parametrize(
        ("extensions", "field"),
        [
            ({"subAltNames": {"names": [{"nameType": "DNSName", "value": "x.example"}]}}, "subAltNames"),
            ({"basicConstraints": {"ca": True, "path_length": 10**30}}, "basicConstraints"),
            ({"basicConstraints": {"ca": True, "path_length": "many"}}, "basicConstraints"),
        ],
    )
    def test_what_it_cannot_have(self, people, extensions, field):
        answer = self.made(people, extensions=extensions)
        assert answer.status_code == 400
        assert list(answer.json()["reasons"]["extensions"]) == [field]
