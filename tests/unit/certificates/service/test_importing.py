"""Importing: what fits together comes in, what does not is refused with the field, and nothing half comes in."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Certificate
from core.audit import Event
from core.errors import Conflict, Forbidden, Invalid
from core.models import AuditEntry, StoredKey
from tests.factories import a_certificate
from tests.pki_material import as_pem, key_as_pem, material, p256

pytestmark = pytest.mark.django_db


def bring(by, body=None, **fields):
    return service.upload(by=by, body=body or material().leaf.pem, owner="Team@Example.org", **fields)


class TestWhatComesIn:
    def test_a_leaf_with_chain_and_key(self, people):
        made = material()
        known = bring(people.alice, chain=as_pem(made.intermediate.certificate), private_key=made.leaf.key_pem)
        assert (known.owner, known.user, known.authority) == ("team@example.org", people.alice, None)
        assert known.serial == str(made.leaf.certificate.serial_number)
        assert known.has_private_key
        assert [role.name for role in known.roles.all()] == ["team@example.org"]
        assert AuditEntry.objects.first().event == Event.CERTIFICATE_IMPORTED

    def test_the_key_comes_back_the_same(self, people):
        known = bring(people.alice, private_key=material().leaf.key_pem)
        revealed = service.reveal(known, by=people.alice)
        assert revealed.startswith("-----BEGIN EC PRIVATE KEY-----")
        assert AuditEntry.objects.first().event == Event.KEY_REVEALED

    def test_text_around_the_pem_does_no_harm(self, people):
        assert bring(people.alice, body=f"\n\n subject=CN = x\n{material().leaf.pem}\n\n").body == material().leaf.pem

    def test_a_name_of_ones_own(self, people):
        assert bring(people.alice, name="My Custom: Name!").name == "My-Custom-Name"

    def test_the_same_one_twice_without_an_authority(self, people):
        first, second = bring(people.alice), bring(people.charlie)
        assert first.fingerprint == second.fingerprint
        assert set(service.find_duplicates({"body": material().leaf.pem, "chain": None})) == {first, second}

    def test_a_second_row_gives_no_right_over_the_first(self, people, root_ca):
        hers = a_certificate(people.alice, root_ca)
        his = bring(people.charlie, body=hers.body)
        assert his.authority is None
        with pytest.raises(Forbidden):
            service.revoke(hers, by=people.charlie)


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("body", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
            ("body", "nonsense"),
            ("chain", "nonsense"),
            ("private_key", "nonsense"),
            ("csr", "nonsense"),
        ],
    )
    def test_what_is_no_pem(self, people, field, text):
        with pytest.raises(Invalid) as caught:
            bring(people.alice, **{field: text})
        assert list(caught.value.reasons) == [field]
        assert not Certificate.objects.exists()

    def test_two_certificates_as_the_body(self, people):
        with pytest.raises(Invalid) as caught:
            bring(people.alice, body=material().leaf.pem * 2)
        assert "body" in caught.value.reasons

    def test_a_foreign_key(self, people):
        with pytest.raises(Invalid) as caught:
            bring(people.alice, private_key=key_as_pem(p256()))
        assert caught.value.reasons == {"Schema": {"rule": ["Private key does not match certificate."]}}
        assert not StoredKey.objects.exists()

    def test_a_chain_out_of_order(self, people):
        chain = as_pem(material().root.certificate, material().intermediate.certificate)
        with pytest.raises(Invalid) as caught:
            bring(people.alice, chain=chain)
        [sentence] = caught.value.reasons["Schema"]["rule"]
        assert sentence.startswith("Incorrect chain certificate(s) provided: ")

    def test_too_long_a_chain(self, people, settings):
        settings.MAX_CHAIN = 1
        with pytest.raises(Invalid) as caught:
            bring(people.alice, chain=as_pem(material().intermediate.certificate, material().root.certificate))
        assert "chain" in caught.value.reasons

    def test_too_large(self, people, settings):
        settings.MAX_PEM_IN_IMPORT = 100
        with pytest.raises(Invalid, match="Validation Error"):
            bring(people.alice)

    def test_a_second_one_of_the_same_authority(self, people, root_ca):
        first = a_certificate(people.alice, root_ca)
        with pytest.raises(Conflict, match=rf"already exists for this authority \(Certificate id={first.pk}\)"):
            bring(people.alice, body=first.body, authority=root_ca)

    def test_claiming_an_authority_takes_the_right_to_it(self, people, root_ca):
        with pytest.raises(Forbidden, match="for the specified authority"):
            bring(people.charlie, authority=root_ca)
        with pytest.raises(Forbidden, match="external id"):
            bring(people.alice, external_id="x")

    def test_read_only_people(self, people):
        with pytest.raises(Forbidden, match="You are not authorized to upload a certificate"):
            bring(people.dora)


def test_import_without_an_owner_goes_to_the_security_team(people, settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = ["security@example.org"]
    assert service.import_certificate(by=people.alice, body=material().leaf.pem).owner == "security@example.org"
    settings.LEMUR_SECURITY_TEAM_EMAIL = []
    with pytest.raises(Invalid):
        service.import_certificate(by=people.alice, body=material().leaf.pem)


def test_the_seeds_keywords(people):
    assert bring(people.alice, active=False, colour="blue").notify is False
