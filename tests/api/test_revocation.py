"""Revoking over the API, and what anybody may ask about it without logging in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.test import Client

from authorities.models import Authority, Crl
from certificates import service
from certificates.models import Certificate, Revocation
from lifecycle.models import Endpoint
from stores.models import Source
from tests.factories import a_certificate, an_authority
from tests.people import People, api

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(people: People, root_ca: Authority) -> Certificate:
    return a_certificate(people.alice, root_ca)


def revoke(by, certificate, **body):
    return api(by).put(f"/api/1/certificates/{certificate.pk}/revoke", body, format="json")


class TestRevoke:
    def test_with_a_reason(self, people, hers):
        answer = revoke(people.alice, hers, crlReason="keyCompromise", comments="lost")
        assert (answer.status_code, answer.json()) == (200, {"id": hers.pk})
        assert Revocation.objects.get().reason == "keyCompromise"
        shown = api(people.alice).get(f"/api/1/certificates/{hers.pk}").json()
        assert (shown["status"], shown["notify"], shown["rotation"]) == ("revoked", False, False)

    def test_without_a_reason_and_again(self, people, hers):
        for _ in range(2):
            answer = revoke(people.alice, hers)
            assert (answer.status_code, answer.json()) == (200, {"id": hers.pk})
        assert Revocation.objects.get().reason == "unspecified"

    @pytest.mark.parametrize(
        ("body", "field"),
        [({"crlReason": "boredom"}, "crlReason"), ({"crl_reason": 7}, "crlReason"), ({"force": "perhaps"}, "force"),
         ({"comments": "x" * 1025}, "comments"), ({"crlReason": "removeFromCRL"}, "crlReason")],
    )  # fmt: skip
    def test_bad_input_names_the_field(self, people, hers, body, field):
        answer = revoke(people.alice, hers, **body)
        assert (answer.status_code, set(answer.json()["reasons"])) == (400, {field})
        assert not Revocation.objects.exists()

    def test_without_a_body(self, people, hers):
        answer = api(people.alice).put(f"/api/1/certificates/{hers.pk}/revoke")
        assert (answer.status_code, Revocation.objects.exists()) == (400, False)

    def test_not_hers(self, people, hers):
        answer = revoke(people.charlie, hers)
        assert (answer.status_code, answer.json()["message"]) == (
            403,
            "You are not authorized to revoke this certificate.",
        )

    def test_unknown(self, people):
        answer = api(people.alice).put("/api/1/certificates/999/revoke", {}, format="json")
        assert (answer.status_code, answer.json()["message"]) == (404, "Cannot find specified certificate")

    def test_served(self, people, hers):
        source = Source.objects.create(label="s", plugin="none")
        Endpoint.objects.create(name="e", dnsname="www.example.org", port=443, source=source, certificate=hers)
        answer = revoke(people.alice, hers)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith(
            "Cannot revoke certificate. Endpoints are deployed with the given certificate."
        )
        assert revoke(people.alice, hers, force=True).status_code == 200

    def test_an_issuer_that_cannot(self, people, hers):
        known = service.upload(by=people.alice, body=hers.body, owner=people.alice.email)
        answer = revoke(people.alice, known)
        assert (answer.status_code, answer.json()["message"]) == (
            400,
            "Revoke is not implemented for issuer of this certificate",
        )

    def test_deactivate(self, people, hers):
        answer = api(people.alice).put(f"/api/1/certificates/{hers.pk}/deactivate")
        assert (answer.status_code, answer.json()["message"]) == (
            400,
            "Deactivate is not implemented for issuer of this certificate",
        )
        assert api(people.charlie).put(f"/api/1/certificates/{hers.pk}/deactivate").status_code == 403


def question(certificate: Certificate, issuer: Authority, nonce: bytes | None = None) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.parsed, issuer.certificate, hashes.SHA256())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def get(issuer: Authority, der: bytes) -> str:
    return f"/pki/{issuer.pk}/ocsp/{quote(base64.b64encode(der).decode(), safe='')}"


def max_age(answer) -> int:
    [age] = [part.partition("=")[2] for part in answer["Cache-Control"].split(", ") if part.startswith("max-age")]
    return int(age)


class TestPublicPages:
    @pytest.fixture
    def anybody(self) -> Client:
        return Client()

    def test_the_certificate(self, anybody, root_ca, django_assert_num_queries):
        with django_assert_num_queries(1):
            answer = anybody.get(f"/pki/{root_ca.pk}/ca.crt")
        assert x509.load_der_x509_certificate(answer.content) == root_ca.certificate
        assert answer["Content-Type"] == "application/pkix-cert"
        assert max_age(answer) == 86400

    def test_the_list(self, anybody, people, hers, root_ca, django_assert_num_queries):
        service.revoke(hers, by=people.alice)
        with django_assert_num_queries(1):
            answer = anybody.get(f"/pki/{root_ca.pk}/ca.crl")
        crl = x509.load_der_x509_crl(answer.content)
        assert crl.get_revoked_certificate_by_serial_number(hers.parsed.serial_number) is not None
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        assert (answer["Content-Type"], answer["ETag"]) == ("application/pkix-crl", f'"{number}"')
        assert parsedate_to_datetime(answer["Last-Modified"]) == crl.last_update_utc
        assert max_age(answer) == 300
        assert "no-transform" in answer["Cache-Control"]
        assert "public" in answer["Cache-Control"]
        again = anybody.get(f"/pki/{root_ca.pk}/ca.crl", headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_a_list_is_never_kept_beyond_its_end(self, anybody, root_ca):
        Crl.objects.update(next_update=datetime(2020, 1, 1, tzinfo=UTC))
        assert max_age(anybody.get(f"/pki/{root_ca.pk}/ca.crl")) == 0

    def test_nothing_varies_by_cookie_and_no_session_is_made(self, anybody, root_ca, hers):
        for address in (
            f"/pki/{root_ca.pk}/ca.crt",
            f"/pki/{root_ca.pk}/ca.crl",
            get(root_ca, question(hers, root_ca)),
        ):
            answer = anybody.get(address)
            assert answer.status_code == 200
            assert not answer.cookies
            assert "Cookie" not in answer.get("Vary", "")

    def test_ocsp_by_post_and_get(self, anybody, people, hers, root_ca, django_assert_num_queries):
        der = question(hers, root_ca)
        anybody.post(f"/pki/{root_ca.pk}/ocsp", der, content_type="application/ocsp-request")
        with django_assert_num_queries(2):
            posted = anybody.post(f"/pki/{root_ca.pk}/ocsp", der, content_type="application/ocsp-request")
        with django_assert_num_queries(2):
            got = anybody.get(get(root_ca, der))
        for answer in (posted, got):
            assert answer["Content-Type"] == "application/ocsp-response"
            assert ocsp.load_der_ocsp_response(answer.content).certificate_status is ocsp.OCSPCertStatus.GOOD
        assert posted["Cache-Control"] == "no-store"
        assert max_age(got) == 900
        assert parsedate_to_datetime(got["Expires"]) < ocsp.load_der_ocsp_response(got.content).next_update_utc
        service.revoke(hers, by=people.alice)
        told = ocsp.load_der_ocsp_response(anybody.get(get(root_ca, der)).content)
        assert told.certificate_status is ocsp.OCSPCertStatus.REVOKED

    def test_an_answer_with_a_nonce_is_not_kept(self, anybody, hers, root_ca):
        answer = anybody.get(get(root_ca, question(hers, root_ca, b"n" * 32)))
        assert answer["Cache-Control"] == "no-store"
        assert ocsp.load_der_ocsp_response(answer.content).extensions[0].value.nonce == b"n" * 32

    @pytest.mark.parametrize("body", [b"", b"nonsense", b"0" * 5000, b"\xff" * 100_000])
    def test_nonsense_is_answered_without_a_look_at_the_database(
        self, anybody, root_ca, body, django_assert_num_queries
    ):
        with django_assert_num_queries(0):
            posted = anybody.post(f"/pki/{root_ca.pk}/ocsp", body, content_type="application/ocsp-request")
            got = anybody.get(f"/pki/{root_ca.pk}/ocsp/{quote(body[:2000])}x*")
        for answer in (posted, got):
            told = ocsp.load_der_ocsp_response(answer.content)
            assert (answer.status_code, told.response_status.name) == (200, "MALFORMED_REQUEST")
            assert answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("pk", [999, 10**30])
    def test_no_such_authority(self, anybody, hers, root_ca, pk):
        der = question(hers, root_ca)
        for answer in (
            anybody.get(f"/pki/{pk}/ca.crt"),
            anybody.get(f"/pki/{pk}/ca.crl"),
            anybody.post(f"/pki/{pk}/ocsp", der, content_type="application/ocsp-request"),
            anybody.get(f"/pki/{pk}/ocsp/{quote(base64.b64encode(der).decode(), safe='')}"),
        ):
            assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain")

    def test_csrf_does_not_stand_in_the_way(self, hers, root_ca):
        strict = Client(enforce_csrf_checks=True)
        answer = strict.post(
            f"/pki/{root_ca.pk}/ocsp", question(hers, root_ca), content_type="application/ocsp-request"
        )
        assert answer.status_code == 200


class TestAuthorities:
    def make(self, by, **changes):
        body = {"name": "New", "commonName": "New CA", "owner": "pki@example.org", **changes}
        return api(by).post("/api/1/authorities", body, format="json")

    def test_what_it_says_of_itself(self, people, settings):
        settings.PKI_ROOT = "http://pki.example.org"
        made = self.make(people.root, isCabCompliant=True, isCnOptional=False).json()
        told = {name: made[name] for name in ("pkiBaseUrl", "pkiWarning", "isCabCompliant", "isCnOptional")}
        assert told == {
            "pkiBaseUrl": "http://pki.example.org",
            "pkiWarning": None,
            "isCabCompliant": True,
            "isCnOptional": False,
        }
        assert (made["maxIssuanceDays"], made["defaultValidityDays"]) == (397, 397)
        assert (made["plugin"]["slug"], made["plugin"]["pluginOptions"], made["options"]) == (
            "cryptography-issuer",
            [],
            "[]",
        )

    def test_a_base_of_its_own_or_none(self, people, settings):
        settings.PKI_ROOT = "http://pki.example.org"
        assert self.make(people.root, pkiBaseUrl="http://other.example/").json()["pkiBaseUrl"] == "http://other.example"
        none = self.make(people.root, name="None", pkiBaseUrl="").json()
        assert none["pkiBaseUrl"] == ""
        assert "no public base URL" in none["pkiWarning"]

    @pytest.mark.parametrize("base", ["https://pki.example.org", "pki.example.org", "http://a b"])
    def test_a_wrong_base(self, people, base):
        answer = self.make(people.root, pkiBaseUrl=base)
        assert (answer.status_code, set(answer.json()["reasons"])) == (400, {"pkiBaseUrl"})
        assert not Authority.objects.exists()

    def test_change(self, people, root_ca):
        body = {"pkiBaseUrl": "http://later.example", "isCnOptional": False, "isCabCompliant": None, "options": "[]"}
        answer = api(people.alice).put(f"/api/1/authorities/{root_ca.pk}", body, format="json")
        assert (answer.status_code, answer.json()["pkiBaseUrl"]) == (200, "http://later.example")

    @pytest.mark.parametrize("options", ["{", "{}", 7, '[{"name": "x", "value": 1}]'])
    def test_wrong_options(self, people, root_ca, options):
        answer = api(people.alice).put(f"/api/1/authorities/{root_ca.pk}", {"options": options}, format="json")
        assert answer.status_code == 400

    def test_visualize(self, people, hers, root_ca):
        answer = api(people.charlie).get(f"/api/1/authorities/{root_ca.pk}/visualize")
        assert answer.json() == {"name": "Root", "children": [{"name": hers.name}]}
        assert api(people.charlie).get("/api/1/authorities/999/visualize").status_code == 404

    def test_roles(self, people, root_ca):
        answer = api(people.charlie).get(f"/api/1/authorities/{root_ca.pk}/roles").json()
        assert {role["name"] for role in answer["items"]} == {
            "Root_admin",
            "Root_operator",
            "pki@example.org",
            "team-web",
        }
        assert answer["total"] == 4

    def test_by_the_name_in_its_certificate(self, people, root_ca):
        an_authority(people.root, name="Other")
        found = api(people.root).get("/api/1/authorities?filter=cn;root").json()
        assert [item["name"] for item in found["items"]] == ["Root"]
