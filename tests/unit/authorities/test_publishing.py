"""Lists and answers: what the ledger says is what everybody is told, whatever was interrupted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.db import IntegrityError
from django.utils.timezone import now as clock
from structlog.testing import capture_logs

from authorities import ledger, pointers, publishing
from authorities.models import Authority, Crl, Issuance, Responder
from authorities.service import update
from authorities.tasks import publish_crls
from certificates import service
from core.audit import Event
from core.errors import NotFound, Precondition
from core.models import AuditEntry, StoredKey
from pki import revocation
from tests import pki_material
from tests.factories import a_certificate, an_authority
from tests.people import api

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def newest(authority: Authority) -> x509.CertificateRevocationList:
    row = Crl.objects.filter(authority=authority).order_by("-number").first()
    assert row is not None
    crl = x509.load_der_x509_crl(bytes(row.der))
    assert crl.is_signature_valid(authority.certificate.public_key())
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == row.number
    assert (crl.last_update_utc, crl.next_update_utc) == (row.this_update, row.next_update)
    return crl


def listed(authority: Authority) -> dict[int, x509.ReasonFlags | None]:
    found = {}
    for entry in newest(authority):
        reasons = [one.value.reason for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
        found[entry.serial_number] = reasons[0] if reasons else None
    return found


def question(certificate: x509.Certificate, issuer: Authority, nonce: bytes | None = None) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer.certificate, hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def told(certificate: x509.Certificate, issuer: Authority, now=None) -> ocsp.OCSPResponse:
    made = publishing.answer(issuer.pk, question(certificate, issuer), now=now or clock())
    return ocsp.load_der_ocsp_response(made.der)


class TestLists:
    def test_a_new_authority_has_one_at_once(self, root_ca):
        assert listed(root_ca) == {}
        crl = newest(root_ca)
        assert crl.issuer == root_ca.certificate.subject
        assert {one.oid for one in crl.extensions} == {x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid}

    def test_a_revocation_is_on_the_next_one(self, people, root_ca):
        made, other = a_certificate(people.alice, root_ca), a_certificate(people.alice, root_ca, cn="b.example")
        service.revoke(made, by=people.alice, reason="keyCompromise")
        service.revoke(other, by=people.alice)
        assert listed(root_ca) == {
            made.parsed.serial_number: x509.ReasonFlags.key_compromise,
            other.parsed.serial_number: None,
        }
        assert Crl.objects.filter(authority=root_ca).values("number").distinct().count() == 3

    def test_what_a_crash_left_out_the_sweep_finds(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        assert publishing.due(clock()) == []
        ledger.revoke(root_ca, made.serial, reason="superseded", at=clock())
        assert publishing.due(clock()) == [root_ca]
        publish_crls()
        assert list(listed(root_ca)) == [made.parsed.serial_number]
        assert publishing.due(clock()) == []

    def test_a_list_is_renewed_before_half_of_its_life_is_over(self, root_ca):
        half = publishing.CRL_LIFE / 2
        assert root_ca not in publishing._due_for_crl(clock() + half - DAY / 2)
        assert root_ca in publishing._due_for_crl(clock() + half)

    def test_one_from_a_clock_that_was_ahead_is_replaced_and_leaves_nothing_out(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        service.revoke(made, by=people.alice)
        publishing.publish_crl(root_ca, now=clock() + 3000 * DAY)
        assert (publishing.due(clock()), publishing.stale(clock() + DAY)) == ([root_ca], [root_ca])
        publish_crls()
        assert list(listed(root_ca)) == [made.parsed.serial_number]
        assert newest(root_ca).last_update_utc <= clock()
        assert publishing.due(clock()) == []

    def test_one_that_fails_does_not_stop_the_others(self, people, root_ca, issuing_ca):
        Crl.objects.all().delete()
        Authority.objects.filter(pk=root_ca.pk).update(private_key="key:00000000-0000-0000-0000-000000000000")
        publish_crls()
        assert [crl.authority for crl in Crl.objects.all()] == [issuing_ca]

    def test_of_authorities_whose_keys_are_elsewhere_nothing_is_published(self, root_ca):
        Authority.objects.update(private_key=None)
        root_ca.refresh_from_db()
        assert publishing.due(clock() + 300 * DAY) == []
        with pytest.raises(Precondition, match="not kept here"):
            publishing.publish_crl(root_ca, now=clock())

    def test_one_that_is_switched_off_goes_on_until_it_expires(self, root_ca):
        Authority.objects.update(active=False)
        assert publishing.due(clock() + 30 * DAY) == [root_ca]
        assert publishing.due(root_ca.not_after) == []

    def test_two_workers_at_once_make_two_lists_and_the_later_one_knows_more(self, people, root_ca, monkeypatch):
        """The other one publishes between our reading of the ledger and our writing of the list."""
        first, second = (a_certificate(people.alice, root_ca, cn=f"{n}.example") for n in "ab")
        ledger.revoke(root_ca, first.serial, reason="superseded", at=clock())
        real, raced = publishing._signed, []

        def slow(*args, **options):
            made = real(*args, **options)
            if not raced:
                raced.append(True)
                ledger.revoke(root_ca, second.serial, reason="superseded", at=clock())
                publishing.publish_crl(root_ca, now=clock())
            return made

        monkeypatch.setattr(publishing, "_signed", slow)
        publishing.publish_crl(root_ca, now=clock())
        assert Crl.objects.values("number").distinct().count() == 3
        assert set(listed(root_ca)) == {first.parsed.serial_number, second.parsed.serial_number}
        assert publishing.due(clock()) == []

    def test_a_number_is_used_once(self, root_ca):
        again = Crl(
            authority=root_ca, number=Crl.objects.get().number, der=b"", this_update=clock(), next_update=clock()
        )
        with pytest.raises(IntegrityError):
            publishing._save(again, now=clock())

    def test_an_expired_entry_is_on_one_more_list(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        service.revoke(made, by=people.alice)
        end = clock() + DAY
        Issuance.objects.filter(serial=made.serial).update(not_after=end)
        present = []
        for now in (end - DAY / 2, end + DAY / 2, end + DAY):
            publishing.publish_crl(root_ca, now=now)
            present.append(made.parsed.serial_number in listed(root_ca))
        assert present == [True, True, False]

    def test_lists_that_are_over_go(self, root_ca):
        made = publishing.publish_crl(root_ca, now=clock() + publishing.CRL_LIFE + DAY)
        assert list(Crl.objects.all()) == [made]

    def test_of_those_that_were_superseded_a_few_stay(self, root_ca, monkeypatch):
        monkeypatch.setattr(publishing, "KEPT", 2)
        made = [publishing.publish_crl(root_ca, now=clock()) for _ in range(4)]
        assert list(Crl.objects.order_by("number")) == made[2:]

    def test_numbers_rise_whatever_the_database_remembers(self, root_ca):
        """As those of a CA that has published elsewhere, or of a database that was restored from a backup."""
        last = publishing.publish_crl(root_ca, now=clock()).number
        Crl.objects.all().delete()
        assert publishing.publish_crl(root_ca, now=clock()).number > last

    def test_numbers_rise_when_the_clock_does_not(self, root_ca):
        now = clock() + DAY
        made = [publishing.publish_crl(root_ca, now=when).number for when in (now, now, now - DAY / 2)]
        assert made == sorted(set(made))

    def test_without_the_key_usage_there_is_none(self, people, client):
        key = pki_material.p256()
        usages = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (pki_material.key_usage("key_cert_sign"), True),
        ]
        ca = pki_material.Pair(pki_material.certificate(pki_material.name("No lists"), key, extensions=usages), key)
        taken = service.import_authority(
            service.authority.NewAuthority(name="N", owner="a@example.org", pki_base_url="http://pki.example.org"),
            body=ca.pem,
            private_key=ca.key_pem,
            by=people.root,
        )
        assert not Crl.objects.filter(authority=taken).exists()
        assert Responder.objects.filter(authority=taken).exists()
        with pytest.raises(Precondition, match="key usage"):
            publishing.publish_crl(taken, now=clock())
        assert taken not in publishing.due(clock())
        with capture_logs() as logged:
            publishing.prepare(taken, now=clock())
        assert logged == []
        assert "lacks cRLSign" in pointers.warning(taken)
        client.force_login(people.root)
        shown = client.get(taken.get_absolute_url()).content.decode()
        assert "It cannot publish a revocation list" in shown
        assert "it may not sign one" in shown
        assert "lacks cRLSign" in api(people.root).get(f"/api/1/authorities/{taken.pk}").json()["pkiWarning"]

    def test_it_is_written_down(self, root_ca):
        entry = AuditEntry.objects.get(event=Event.CRL_PUBLISHED)
        assert (entry.target_name, entry.actor_name, entry.details) == (
            "Root",
            "system",
            {"number": Crl.objects.get().number, "entries": 0},
        )


class TestHolds:
    def test_a_hold_can_be_ended_and_nothing_else(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        assert ledger.revoke(root_ca, made.serial, reason="certificateHold", at=clock())
        assert not ledger.revoke(root_ca, made.serial, reason="certificateHold", at=clock())
        assert ledger.release(root_ca, made.serial)
        assert not ledger.release(root_ca, made.serial)
        assert ledger.revoke(root_ca, made.serial, reason="superseded", at=clock())
        assert not ledger.release(root_ca, made.serial)
        assert not ledger.revoke(root_ca, made.serial, reason="keyCompromise", at=clock())
        assert ledger.find(root_ca, made.serial).reason == "superseded"

    def test_what_is_on_hold_can_be_revoked_for_good_as_of_then(self, people, root_ca):
        made, then = a_certificate(people.alice, root_ca), clock() - DAY
        ledger.revoke(root_ca, made.serial, reason="certificateHold", at=then)
        assert ledger.revoke(root_ca, made.serial, reason="keyCompromise", at=clock())
        line = ledger.find(root_ca, made.serial)
        assert (line.reason, line.revoked_at) == ("keyCompromise", then)

    def test_what_was_never_issued_cannot_be_revoked(self, root_ca):
        for change in (
            lambda: ledger.revoke(root_ca, "1", reason="x", at=clock()),
            lambda: ledger.release(root_ca, "1"),
        ):
            with pytest.raises(NotFound, match="has not issued serial 1"):
                change()


class TestAnswers:
    def test_good_revoked_unknown(self, people, root_ca, issuing_ca):
        made = a_certificate(people.alice, issuing_ca)
        assert told(made.parsed, issuing_ca).certificate_status is ocsp.OCSPCertStatus.GOOD
        assert told(issuing_ca.certificate, root_ca).certificate_status is ocsp.OCSPCertStatus.GOOD
        service.revoke(made, by=people.alice, reason="keyCompromise")
        answer = told(made.parsed, issuing_ca)
        assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert answer.revocation_reason is x509.ReasonFlags.key_compromise
        Issuance.objects.filter(serial=made.serial).delete()
        assert told(made.parsed, issuing_ca).certificate_status is ocsp.OCSPCertStatus.UNKNOWN

    def test_an_answer_comes_from_a_certificate_that_the_ca_has_delegated(self, people, root_ca):
        answer = told(a_certificate(people.alice, root_ca).parsed, root_ca)
        [responder] = answer.certificates
        responder.verify_directly_issued_by(root_ca.certificate)
        assert Issuance.objects.filter(authority=root_ca, serial=str(responder.serial_number)).exists()
        responder.public_key().verify(
            answer.signature, answer.tbs_response_bytes, pki_material.ec.ECDSA(hashes.SHA256())
        )

    def test_a_nonce_comes_back_and_is_for_no_cache(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        with_nonce = publishing.answer(root_ca.pk, question(made.parsed, root_ca, b"x" * 16), now=clock())
        assert ocsp.load_der_ocsp_response(with_nonce.der).extensions[0].value.nonce == b"x" * 16
        assert with_nonce.fresh_until is None
        assert publishing.answer(root_ca.pk, question(made.parsed, root_ca), now=clock()).fresh_until is not None

    def test_refusals(self, people, root_ca, issuing_ca):
        made = a_certificate(people.alice, root_ca)
        asked = question(made.parsed, root_ca)
        status = {}
        status["nonsense"] = publishing.answer(root_ca.pk, b"nonsense", now=clock())
        status["another CA"] = publishing.answer(issuing_ca.pk, asked, now=clock())
        StoredKey.objects.filter(pk=Responder.objects.get(authority=root_ca).private_key[4:]).delete()
        publishing._opened.cache_clear()
        status["no key"] = publishing.answer(root_ca.pk, asked, now=clock())
        Responder.objects.all().delete()
        status["no responder"] = publishing.answer(root_ca.pk, asked, now=clock())
        got = {why: ocsp.load_der_ocsp_response(answer.der).response_status.name for why, answer in status.items()}
        assert got == {
            "nonsense": "MALFORMED_REQUEST",
            "another CA": "UNAUTHORIZED",
            "no key": "TRY_LATER",
            "no responder": "TRY_LATER",
        }
        assert all(answer.fresh_until is None for answer in status.values())
        with pytest.raises(NotFound):
            publishing.answer(10**9, asked, now=clock())

    def test_an_answer_costs_two_statements(self, people, root_ca, django_assert_num_queries):
        made = a_certificate(people.alice, root_ca)
        told(made.parsed, root_ca)
        with django_assert_num_queries(2):
            told(made.parsed, root_ca)


class TestResponders:
    def test_renewed_at_half_of_its_life_and_the_old_one_stays_until_its_end(self, root_ca):
        assert publishing.due(clock() + 3 * DAY) == []
        then = clock() + 8 * DAY
        publishing.prepare(root_ca, now=then)
        first, second = Responder.objects.order_by("pk")
        assert publishing.newest_responder(root_ca, now=then) == second
        assert first.private_key
        publishing.renew_responder(root_ca, now=first.not_after + DAY)
        first.refresh_from_db()
        assert first.private_key == ""
        keys = {f"key:{pk}" for pk in StoredKey.objects.values_list("pk", flat=True)}
        named = {row.private_key for row in Responder.objects.exclude(private_key="")}
        assert keys == named | {root_ca.private_key}

    def test_it_never_outlives_its_authority(self, root_ca):
        now = root_ca.not_after - DAY
        responder = publishing.renew_responder(root_ca, now=now)
        assert responder.not_after == root_ca.not_after
        assert root_ca not in publishing._due_for_responder(now)

    def test_every_kind_of_key_a_ca_may_have(self, people):
        for kind in ("RSA2048", "ECCSECP384R1", "ECCSECP521R1", "ED25519"):
            ca = an_authority(people.root, name=kind, key_type=kind, roles=[people.team])
            made = a_certificate(people.alice, ca, cn=f"{kind}.example.org".lower())
            service.revoke(made, by=people.alice)
            assert list(listed(ca)) == [made.parsed.serial_number]
            assert told(made.parsed, ca).certificate_status is ocsp.OCSPCertStatus.REVOKED


class TestOurOwnChecks:
    """Who checks certificates of anybody believes what we publish about ours."""

    def test_good_and_revoked(self, people, root_ca):
        update(root_ca, by=people.root, pki_base_url="http://pki.example.org")
        made, issuer = a_certificate(people.alice, root_ca), root_ca.certificate
        for expected in (revocation.Status.GOOD, revocation.Status.REVOKED):
            asked = revocation.ocsp_question(made.parsed, issuer)
            assert asked is not None
            assert asked.url == f"http://pki.example.org/pki/{root_ca.pk}/ocsp"
            told = publishing.answer(root_ca.pk, asked.request, now=clock()).der
            listing = bytes(Crl.objects.filter(authority=root_ca).latest("number").der)
            by_answer = revocation.judge_ocsp(told, made.parsed, issuer, now=clock(), nonce=asked.nonce)
            by_list = revocation.judge_crl(listing, made.parsed, issuer, now=clock())
            assert (by_answer.status, by_list.status) == (expected, expected), (by_answer, by_list)
            service.revoke(made, by=people.alice, reason="keyCompromise")
