"""Importing many: each row by itself, by the rules and rights of a single import; what is here already stays as it is."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest

from certificates import service
from certificates.models import Certificate
from certificates.service.importing_many import STRAY_KEY, Result
from core.audit import Event, acting_as
from core.errors import Forbidden
from core.idempotency import claim_form
from core.models import AuditEntry, StoredKey
from pki import containers
from pki.gathering import File
from tests.factories import a_certificate
from tests.pki_material import as_pem, certificate, key_as_pem, material, name, now, p256

pytestmark = pytest.mark.django_db
OWNER = "team@example.org"


def texts(*parts):
    return [File(f"{number}.pem", text.encode()) for number, text in enumerate(parts)]


def look(by, *parts, passphrase=None, **fields):
    return service.look_through(texts(*parts), passphrase, by=by, **{"owner": OWNER, **fields})


def bring(by, *parts, once=None, **fields):
    fields = {"owner": OWNER, **fields}
    return service.import_many(look(by, *parts, **fields).rows, by=by, once=once, **fields)


def results(outcomes):
    return [outcome.result for outcome in outcomes]


class TestLookingThrough:
    def test_it_writes_nothing(self, people):
        seen = look(people.alice, material().leaf.pem + material().leaf.key_pem, material().root.pem)
        assert [row.importable for row in seen.rows] == [True, True]
        assert seen.importable == 2
        assert not Certificate.objects.exists()
        assert not StoredKey.objects.exists()

    def test_what_is_here_already(self, people, root_ca):
        known = a_certificate(people.root, root_ca)
        seen = look(people.alice, known.body, material().leaf.pem)
        assert [(row.known, row.importable) for row in seen.rows] == [(known, False), (None, True)]
        assert seen.importable == 1

    def test_what_stands_in_the_way_is_what_an_upload_would_say(self, people, settings):
        settings.MAX_NAMES_IN_IMPORT = 1
        [row] = look(people.alice, material().leaf.pem).rows
        assert row.problem == "A certificate with more than 1 names is not accepted."
        assert not row.importable

    def test_a_chain_longer_than_is_taken(self, people, settings):
        settings.MAX_CHAIN = 1
        [row] = look(people.alice, material().leaf.pem, as_pem(*material().chain)).rows
        assert "at most 1" in row.problem

    def test_a_key_beside_it_that_is_anothers(self, people):
        seen = look(people.alice, material().leaf.pem + key_as_pem(p256()))
        assert [row.problem for row in seen.rows] == [STRAY_KEY]
        assert [problem.file for problem in seen.problems] == ["0.pem"]

    def test_a_file_that_is_too_large_is_named_and_the_others_are_read(self, people, settings):
        settings.MAX_PEM_IN_IMPORT = 2000
        seen = look(people.alice, material().leaf.pem, "x" * 2001)
        assert len(seen.rows) == 1
        [problem] = seen.problems
        assert (problem.file, problem.reason) == ("1.pem", "It is larger than 2,000 bytes, the most that is taken.")

    def test_no_more_than_is_taken_at_once(self, people, settings):
        settings.MAX_CERTIFICATES_IN_IMPORT = 1
        seen = look(people.alice, material().leaf.pem, material().p384_leaf.pem)
        assert len(seen.rows) == 1
        assert [problem.file for problem in seen.problems] == ["1.pem"]

    def test_an_expired_one_is_no_problem(self, people):
        assert look(people.alice, material().expired_leaf.pem).rows[0].importable

    def test_those_who_only_read_may_not(self, people):
        with pytest.raises(Forbidden, match="You are not authorized to upload a certificate"):
            look(people.dora, material().leaf.pem)


class TestImporting:
    def test_each_with_its_chain_and_key(self, people):
        leaf, other = material().leaf, material().p384_leaf
        outcomes = bring(people.alice, other.key_pem, leaf.pem, as_pem(*material().chain), other.pem)
        assert results(outcomes) == [Result.IMPORTED] * 2
        first, second = (outcome.certificate for outcome in outcomes)
        assert (first.has_private_key, second.has_private_key) == (False, True)
        assert (first.owner, first.user, first.chain) == (OWNER, people.alice, as_pem(*material().chain))
        assert AuditEntry.objects.filter(event=Event.CERTIFICATE_IMPORTED).count() == 2

    def test_from_a_pkcs12(self, people):
        leaf = material().leaf
        data = containers.pkcs12("www", leaf.key, leaf.certificate, material().chain, "sesame")
        seen = service.look_through([File("www.p12", data)], "sesame", by=people.alice, owner=OWNER)
        [outcome] = service.import_many(seen.rows, by=people.alice, owner=OWNER)
        assert outcome.certificate.has_private_key
        assert service.reveal(outcome.certificate, by=people.alice).startswith("-----BEGIN EC PRIVATE KEY-----")

    def test_one_that_is_refused_stops_no_other(self, people, root_ca):
        known = a_certificate(people.root, root_ca)
        stray = material().p521_leaf.pem + key_as_pem(p256())
        outcomes = bring(people.alice, known.body, stray, material().leaf.pem)
        assert results(outcomes) == [Result.KNOWN, Result.REFUSED, Result.IMPORTED]
        assert outcomes[0].certificate == known
        assert outcomes[1].reason == STRAY_KEY

    def test_what_an_upload_refuses_after_all_is_said_and_leaves_no_key_behind(self, people, monkeypatch):
        seen = look(people.alice, material().leaf.pem + material().leaf.key_pem, material().p384_leaf.pem)
        elsewhere = look(people.alice, material().leaf.pem).rows[0]
        monkeypatch.setattr("pki.keys.belongs", lambda *_: False)
        outcomes = service.import_many([*seen.rows, elsewhere], by=people.alice, owner=OWNER)
        assert results(outcomes) == [Result.REFUSED, Result.IMPORTED, Result.IMPORTED]
        assert outcomes[0].reason == "Private key does not match certificate."
        assert not StoredKey.objects.exists()

    def test_all_replace_what_they_shall(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        [outcome] = bring(people.alice, material().leaf.pem, replaces=[old])
        assert list(outcome.certificate.replaces.all()) == [old]

    def test_who_may_not_replace_it_is_told_so_before(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        [outcome] = bring(people.charlie, material().leaf.pem, replaces=[old])
        assert outcome.result == Result.REFUSED
        assert outcome.reason
        assert Certificate.objects.filter(replaces=old).count() == 0

    def test_the_same_rows_sent_twice_at_once_are_taken_in_once(self, people):
        rows = look(people.alice, material().leaf.pem, material().p384_leaf.pem).rows

        @contextmanager
        def once(part):
            with acting_as(idempotency=claim_form(people.alice, part)):
                yield

        first, second = (service.import_many(rows, by=people.alice, owner=OWNER, once=once) for _ in range(2))
        assert [one.certificate for one in first] == [one.certificate for one in second]
        assert Certificate.objects.filter(owner=OWNER).count() == 2


def test_a_hundred_at_once_are_looked_through_in_few_statements(people, django_assert_max_num_queries):
    key = p256()
    many = "".join(
        as_pem(certificate(name(f"{number}.example.org"), key, not_after=now() + timedelta(days=30)))
        for number in range(50)
    )
    with django_assert_max_num_queries(60):
        assert len(look(people.alice, many).rows) == 50
