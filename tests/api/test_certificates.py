"""Certificates over the API."""

from __future__ import annotations

import pytest
from cryptography import x509

from certificates.models import Domain, Order
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


def rule(text):
    return {"Schema": {"rule": [text]}}


NO_PLUGIN = "Unable to find plugin. Slug: x Reason: There is no "


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"authority": {}}, rule("Missing Authority.")),
        ({"authority": None}, rule("Missing Authority.")),
        ({"validityStart": "2030-01-01"}, rule("If validity end is specified so must validity start.")),
        ({"validityEnd": "2030-01-01"}, rule("If validity start is specified so must validity end.")),
    ],
)
def test_what_is_wrong_with_an_order_as_a_whole(people: People, root_ca, changes, reasons):
    answer = api(people.alice).post("/api/1/certificates", {**an_order(root_ca), **changes}, format="json")
    assert (answer.status_code, answer.json()["reasons"]) == (400, reasons)


def test_plugins_that_do_not_exist_are_reported_in_one_form(people: People, root_ca):
    client = api(people.root)
    chosen = {"plugin": {"slug": "x", "pluginOptions": []}}
    said = {"label": "x", "description": ""}
    own = root_ca.own_certificates.get().pk
    for address, body in (
        ("destinations", said),
        ("sources", said),
        ("notifications", said),
        ("authorities", {"name": "x", "owner": "a@example.org", "commonName": "x"}),
        (f"certificates/{own}/export", {}),
    ):
        answer = client.post(f"/api/1/{address}", {**body, **chosen}, format="json")
        assert answer.status_code == 400, address
        assert answer.json()["reasons"]["plugin"]["_schema"].startswith(NO_PLUGIN), address


def test_what_is_no_certificate(people: People):
    body = {"owner": "a@example.org", "body": "nonsense"}
    answer = api(people.alice).post("/api/1/certificates/upload", body, format="json")
    assert answer.json()["reasons"]["body"].startswith("Public certificate presented is not valid. ")


def test_an_edit_that_says_nothing(people: People, root_ca):
    made = api(people.alice).post("/api/1/certificates", an_order(root_ca), format="json").json()
    assert api(people.alice).put(f"/api/1/certificates/{made['id']}", {}, format="json").status_code == 400
    assert api(people.alice).patch(f"/api/1/certificates/{made['id']}", {}, format="json").status_code == 200


def test_a_domain_is_not_sensitive_unless_that_is_said(people: People):
    domain = Domain.objects.create(name="bank.example.org", sensitive=True)
    answer = api(people.root).put(f"/api/1/domains/{domain.pk}", {"name": domain.name}, format="json")
    assert (answer.status_code, answer.json()["sensitive"]) == (200, False)
