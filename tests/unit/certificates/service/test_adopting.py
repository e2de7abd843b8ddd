"""After a restore: what the backup does not know is known again, by the word of the authority that signed it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities import publishing
from authorities.models import Authority, Crl, Issuance
from certificates import service, verify
from certificates.models import Certificate, Revocation
from core.audit import Event
from core.errors import NotFound, Precondition
from core.models import AuditEntry
from pki import inspection
from pki.errors import NotAllowed
from pki.revocation import Status
from tests import pki_material
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db


def forget(*certificates: Certificate) -> None:
    """As a backup that is older than they are."""
    for one in certificates:
        Issuance.objects.filter(serial=one.serial).delete()
        Certificate.objects.filter(pk=one.pk).delete()
    Crl.objects.exclude(pk=Crl.objects.order_by("number").first().pk).delete()
    verify.forget()


@pytest.fixture
def lost(people, root_ca):
    """A certificate that the backup does not know."""
    made = a_certificate(people.alice, root_ca)
    forget(made)
    return made


def not_yet_revoked(certificate: Certificate) -> None:
    """As a backup from before it was."""
    Revocation.objects.filter(certificate=certificate).delete()
    Issuance.objects.filter(serial=certificate.serial).update(revoked_at=None, reason="")
    Certificate.objects.filter(pk=certificate.pk).update(status="valid", notify=True)


def adopted(certificate: x509.Certificate) -> bool:
    return service.adopt(certificate, by=system_user(), now=clock())


def adopted_from(crl: bytes) -> int:
    return service.adopt_crl(crl, by=system_user(), now=clock())


def newest(authority) -> bytes:
    return bytes(Crl.objects.filter(authority=authority).order_by("-number").first().der)


class TestCertificates:
    def test_it_can_be_revoked_again(self, people, root_ca, lost):
        assert adopted(lost.parsed)
        known = Certificate.objects.get(fingerprint=lost.fingerprint)
        assert (known.authority, known.owner, known.chain) == (root_ca, root_ca.owner, lost.chain)
        assert verify.verdict(known.parsed, known.issuers).status is Status.GOOD
        service.revoke(known, by=people.root, reason="keyCompromise")
        crl = x509.load_der_x509_crl(newest(root_ca))
        assert crl.get_revoked_certificate_by_serial_number(known.parsed.serial_number)
        assert AuditEntry.objects.get(event=Event.LEDGER_ADOPTED).details == {"serials": [lost.serial]}

    def test_twice_is_once(self, lost):
        assert [adopted(lost.parsed) for _ in range(2)] == [True, False]
        assert Certificate.objects.filter(fingerprint=lost.fingerprint).count() == 1

    def test_one_that_a_source_found_is_its_authoritys_again(self, people, root_ca, lost):
        found = service.upload(by=people.alice, body=lost.body, chain=lost.chain, owner="alice@example.org")
        assert found.authority is None
        assert adopted(lost.parsed)
        found.refresh_from_db()
        assert (found.authority, found.owner) == (root_ca, "alice@example.org")

    def test_a_second_row_of_it_stays_nobodys(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        second = service.upload(by=people.alice, body=made.body, chain=made.chain, owner="alice@example.org")
        assert not adopted(made.parsed)
        second.refresh_from_db()
        assert second.authority is None

    def test_the_authoritys_own_is_known(self, root_ca):
        assert not adopted(root_ca.certificate)

    def test_a_strangers_is_refused(self):
        with pytest.raises(NotFound, match="has signed"):
            adopted(pki_material.material().leaf.certificate)

    def test_of_a_ca_elsewhere_there_is_no_ledger(self, people, root_ca, lost):
        root_ca.private_key = None
        root_ca.save()
        with pytest.raises(NotFound, match="of which the key is here"):
            adopted(lost.parsed)

    def test_a_serial_that_was_used_for_something_else(self, lost, root_ca, people):
        other = a_certificate(people.alice, root_ca, cn="other.example")
        Issuance.objects.filter(serial=other.serial).update(serial=lost.serial)
        with pytest.raises(NotAllowed, match="something else"):
            adopted(lost.parsed)
        assert not Certificate.objects.filter(fingerprint=lost.fingerprint).exists()


class TestLists:
    @pytest.fixture
    def revoked(self, people, root_ca):
        """One that the backup knows as valid, one that it does not know, and the list that has them."""
        known, unknown = (a_certificate(people.alice, root_ca, cn=f"{name}.example") for name in ("known", "unknown"))
        for one in (known, unknown):
            service.revoke(one, by=people.alice, reason="keyCompromise")
        crl = newest(root_ca)
        forget(unknown)
        not_yet_revoked(known)
        return known, unknown, crl

    def test_what_was_revoked_is_revoked(self, root_ca, revoked):
        known, unknown, crl = revoked
        assert adopted_from(crl) == 2
        known.refresh_from_db()
        assert known.status == "revoked"
        assert verify.verdict(unknown.parsed, known.issuers).status is not Status.GOOD
        publishing.prepare(root_ca, now=clock())
        listed = x509.load_der_x509_crl(newest(root_ca))
        old = x509.load_der_x509_crl(crl)
        assert {(one.serial_number, one.revocation_date_utc) for one in listed} == {
            (one.serial_number, one.revocation_date_utc) for one in old
        }
        assert not known.notify
        revoked = AuditEntry.objects.filter(event=Event.CERTIFICATE_REVOKED, target_id=str(known.pk)).latest("pk")
        assert (revoked.actor_name, revoked.details) == ("system", {"reason": "keyCompromise"})

    def test_an_authority_below_is_revoked_as_well(self, people, root_ca):
        below = an_authority(people.root, name="Below", parent=root_ca)
        own = Certificate.objects.get(root_authority=below)
        service.revoke(own, by=people.root, reason="cACompromise")
        crl = newest(root_ca)
        forget()
        not_yet_revoked(own)
        Authority.objects.filter(pk=below.pk).update(active=True)
        assert adopted_from(crl) == 1
        own.refresh_from_db()
        below.refresh_from_db()
        assert (own.status, below.active) == ("revoked", False)

    def test_the_next_list_has_a_higher_number(self, root_ca, revoked):
        *_, crl = revoked
        publishing.publish_crl(root_ca, now=clock())
        numbers = [
            x509.load_der_x509_crl(one).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            for one in (crl, newest(root_ca))
        ]
        assert numbers == sorted(set(numbers))

    def test_twice_is_once_and_pem_is_the_same(self, revoked):
        *_, crl = revoked
        pem = x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM)
        assert [adopted_from(pem), adopted_from(crl)] == [2, 0]

    def test_the_certificate_follows_its_revocation(self, revoked):
        _, unknown, crl = revoked
        adopted_from(crl)
        assert adopted(unknown.parsed)
        entry = Issuance.objects.get(serial=unknown.serial)
        assert (entry.not_after, bool(entry.tbs_sha256), bool(entry.revoked_at)) == (unknown.not_after, True, True)
        assert Certificate.objects.get(fingerprint=unknown.fingerprint).status == "revoked"

    def test_an_older_one_is_entered_too_but_for_its_holds(self, people, root_ca):
        held, known = (a_certificate(people.alice, root_ca, cn=f"{name}.example") for name in ("held", "known"))
        service.revoke(held, by=people.alice, reason="certificateHold")
        service.revoke(known, by=people.alice, reason="keyCompromise")
        crl = newest(root_ca)
        forget(held)
        not_yet_revoked(known)
        publishing.publish_crl(root_ca, now=clock() + timedelta(days=1))
        with pytest.raises(Precondition, match="1 revocations were entered, but not its 1 holds"):
            adopted_from(crl)
        known.refresh_from_db()
        assert known.status == "revoked"
        assert not Issuance.objects.filter(serial=held.serial).exists()

    def test_a_hold_can_be_ended(self, people, root_ca):
        held = a_certificate(people.alice, root_ca, cn="held.example")
        service.revoke(held, by=people.alice, reason="certificateHold")
        crl = newest(root_ca)
        forget(held)
        assert adopted_from(crl) == 1
        assert adopted(held.parsed)
        again = Certificate.objects.get(fingerprint=held.fingerprint)
        assert again.status == "revoked"
        service.revoke(again, by=people.root, reason="removeFromCRL")
        again.refresh_from_db()
        assert again.status == "valid"

    def test_what_the_backup_has_on_hold_is_revoked_for_good(self, people, root_ca):
        held = a_certificate(people.alice, root_ca, cn="held.example")
        service.revoke(held, by=people.alice, reason="certificateHold")
        service.revoke(held, by=people.alice, reason="keyCompromise")
        crl = newest(root_ca)
        forget()
        Revocation.objects.filter(reason="keyCompromise").delete()
        Issuance.objects.filter(serial=held.serial).update(reason="certificateHold")
        Certificate.objects.filter(pk=held.pk).update(notify=True)
        assert [adopted_from(crl) for _ in range(2)] == [1, 0]
        held.refresh_from_db()
        assert (held.status, held.notify) == ("revoked", False)
        assert [one.reason for one in held.revocations.all()] == ["keyCompromise", "certificateHold"]

    def test_of_two_with_one_name_and_key_the_one_whose_ledger_has_it(self, people, root_ca, revoked):
        known, unknown, crl = revoked
        twin = Authority.objects.get(pk=root_ca.pk)
        twin.pk, twin.uuid, twin.name = None, uuid.uuid4(), "Twin"
        twin.save()
        Issuance.objects.filter(serial=known.serial).update(authority=twin)
        Certificate.objects.filter(pk=known.pk).update(authority=twin)
        assert adopted_from(crl) == 2
        known.refresh_from_db()
        assert known.status == "revoked"
        assert Issuance.objects.get(serial=known.serial).authority == twin
        assert Issuance.objects.get(serial=unknown.serial).authority == root_ca

    def test_a_strangers_is_refused(self, people, root_ca):
        other = an_authority(people.root, name="Other")
        crl = newest(other)
        other.private_key = None
        other.save()
        with pytest.raises(NotFound, match="signed this list"):
            adopted_from(crl)


class TestCommand:
    def test_files_of_all_kinds(self, lost, tmp_path: Path, capsys):
        pem, der, nothing = (tmp_path / name for name in ("found.pem", "found.der", "nothing"))
        pem.write_text(lost.body + lost.chain)
        der.write_bytes(lost.parsed.public_bytes(Encoding.DER))
        call_command("adopt", str(pem), str(der))
        said = capsys.readouterr().out
        assert "found.pem: 1 of 1 certificates were entered." in said
        assert "found.der: 0 of 1 certificates were entered." in said
        nothing.write_bytes(b"nothing")
        with pytest.raises(CommandError, match="2 of 3 files"):
            call_command("adopt", str(pem), str(nothing), str(tmp_path / "missing"))

    def test_a_list(self, people, root_ca, tmp_path: Path, capsys):
        made = a_certificate(people.alice, root_ca)
        service.revoke(made, by=people.alice)
        path = tmp_path / "list.crl"
        path.write_bytes(newest(root_ca))
        forget(made)
        call_command("adopt", str(path))
        assert "list.crl: 1 revocations were entered." in capsys.readouterr().out

    def test_a_strangers_certificate_is_named(self, tmp_path: Path, capsys):
        path = tmp_path / "stranger.pem"
        path.write_text(inspection.pem(pki_material.material().leaf.certificate))
        with pytest.raises(CommandError):
            call_command("adopt", str(path))
        assert "has signed" in capsys.readouterr().err

    def test_what_a_certificate_says_moves_no_cursor(self, tmp_path: Path, capsys):
        path = tmp_path / "stranger.pem"
        made = pki_material.certificate(pki_material.name("a\x1b[2Kb"), pki_material.p256())
        path.write_text(inspection.pem(made))
        with pytest.raises(CommandError):
            call_command("adopt", str(path))
        assert "\x1b" not in capsys.readouterr().err
