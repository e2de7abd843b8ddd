"""Looking into sources: new certificates come in once, known ones are linked, what is gone is unlinked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from certificates import service
from certificates.models import Certificate, Deployment
from core.audit import Event, about
from core.errors import Conflict, Forbidden, Precondition
from lifecycle import discovery, sighting, triage
from lifecycle.discovery import due_syncs, sync, sync_sources
from lifecycle.models import Endpoint, Finding, Sync
from lifecycle.tasks import begin_syncs
from plugins import FoundCertificate, FoundEndpoint, Temporary
from stores import service as stores
from tests.odd_endpoints import SeeingSource
from tests.odd_stores import OddSource
from tests.pki_material import Pair, material

pytestmark = pytest.mark.django_db

TEAM = "security@example.org"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def team(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM]


@pytest.fixture
def source(people, a_source):
    return a_source("seeing-source", "scan")


def found(pair: Pair, **more) -> FoundCertificate:
    return FoundCertificate(certificate=pair.certificate, chain=material().chain[::-1], where="a.pem", **more)


def seen(pair: Pair, host: str = "www.example.org", port: int = 443, **more) -> FoundEndpoint:
    return FoundEndpoint(host=host, port=port, certificate=pair.certificate, chain=material().chain, **more)


def look() -> Sync:
    for pk in sync_sources():
        sync(pk)
    return Sync.objects.latest("begun_at")


def numbers(row: Sync) -> tuple[int, int, int, int]:
    return row.seen, row.added, row.linked, row.unlinked


class TestCertificates:
    def test_a_new_one_comes_in_once(self, source, monkeypatch):
        monkeypatch.setattr(SeeingSource, "found", [found(material().leaf, private_key=material().leaf.key)])
        assert numbers(look()) == (1, 1, 0, 0)
        certificate = Certificate.objects.get(cn="www.example.com")
        assert (certificate.owner, certificate.notify) == (TEAM, True)
        assert certificate.description == "This certificate was automatically discovered by Lemur"
        assert certificate.issuers == list(material().chain), "in order, however it was found"
        assert not certificate.has_private_key
        assert list(certificate.sources.all()) == [source]
        finding = Finding.objects.get()
        assert (finding.certificate, finding.state, finding.where) == (certificate, "new", "a.pem")
        assert about(source)[0].details["added"] == 1
        assert numbers(look()) == (1, 0, 0, 0)
        assert [entry.event for entry in about(source)].count(Event.SOURCE_SYNCED) == 1
        source.refresh_from_db()
        assert source.last_run is not None

    def test_without_a_security_team_nobody_is_told(self, source, monkeypatch, settings):
        settings.LEMUR_SECURITY_TEAM_EMAIL = []
        monkeypatch.setattr(SeeingSource, "found", [found(material().leaf)])
        look()
        assert not Certificate.objects.get(cn="www.example.com").notify

    def test_of_two_sources_one_brings_it_in(self, source, a_source, monkeypatch):
        files = a_source("odd-source", "files")
        for plugin in (SeeingSource, OddSource):
            monkeypatch.setattr(plugin, "found", [found(material().leaf)])
        look()
        certificate = Certificate.objects.get(cn="www.example.com")
        assert set(certificate.sources.all()) == {source, files}

    def test_one_that_another_worker_brings_in_just_now(self, source, monkeypatch):
        monkeypatch.setattr(SeeingSource, "found", [found(material().leaf)])
        fingerprint = found(material().leaf).certificate
        claimed = sighting._claim(source, sighting.inspection.fingerprint(fingerprint), "", now=clock())
        assert numbers(look()) == (1, 0, 0, 0)
        Finding.objects.filter(pk=claimed.pk).update(found_at=clock() - HOUR)
        assert numbers(look()) == (1, 1, 0, 0), "it died"

    def test_a_known_one_is_linked(self, people, source, leaf, monkeypatch):
        monkeypatch.setattr(SeeingSource, "found", [FoundCertificate(certificate=leaf.parsed)])
        assert numbers(look()) == (1, 0, 1, 0)
        assert about(leaf)[0].event == Event.CERTIFICATE_FOUND
        assert not Finding.objects.exists()
        assert numbers(look()) == (1, 0, 0, 0)

    def test_what_was_deleted_stays_so(self, source, leaf, monkeypatch):
        Certificate.objects.filter(pk=leaf.pk).update(deleted=True)
        monkeypatch.setattr(SeeingSource, "found", [FoundCertificate(certificate=leaf.parsed)])
        assert numbers(look()) == (1, 0, 0, 0)
        assert Certificate.objects.filter(fingerprint=leaf.fingerprint).count() == 1

    def test_what_is_gone_is_unlinked(self, people, source, leaf, a_destination, monkeypatch):
        """Also from the destination of the same name, and from no other."""
        for label in ("scan", "web"):
            Deployment.objects.create(certificate=leaf, destination=a_destination(label), state="done")
        leaf.sources.add(source)
        assert numbers(look()) == (0, 0, 0, 1)
        assert not leaf.sources.exists()
        assert [one.label for one in leaf.destinations.all()] == ["web"]
        assert about(leaf)[0].event == Event.CERTIFICATE_VANISHED

    def test_nothing_is_unlinked_unless_all_was_seen(self, source, leaf, monkeypatch):
        leaf.sources.add(source)

        def half(self) -> Iterator[FoundCertificate]:
            yield found(material().leaf)
            raise Temporary("the connection broke")

        monkeypatch.setattr(SeeingSource, "certificates", half)
        row = look()
        assert (row.state, row.last_error) == ("failed", "the connection broke")
        assert leaf.sources.exists()
        assert Certificate.objects.filter(cn="www.example.com").exists(), "what was seen stays"

    def test_one_that_cannot_be_taken_in_is_counted(self, source, monkeypatch, settings):
        settings.MAX_NAMES_IN_IMPORT = 0
        monkeypatch.setattr(SeeingSource, "found", [found(material().leaf)])
        row = look()
        assert (row.state, row.seen, row.added, row.refused) == ("done", 1, 0, 1)


class TestEndpoints:
    def test_it_is_known_with_its_certificate(self, source, monkeypatch):
        more = {"policy": "TLS 2020", "ciphers": ("A", "B"), "aliases": ("shop",), "reference": "arn:1", "kind": "elb"}
        monkeypatch.setattr(SeeingSource, "seen", [seen(material().leaf, **more)])
        row = look()
        assert (row.endpoints, row.added) == (1, 1)
        endpoint = Endpoint.objects.get()
        certificate = Certificate.objects.get(cn="www.example.com")
        assert (endpoint.certificate, endpoint.type, endpoint.reference) == (certificate, "elb", "arn:1")
        assert endpoint.dns_aliases == ["shop"]
        assert endpoint.policy == {
            "name": "TLS 2020", "ciphers": [{"name": "A", "deprecated": False}, {"name": "B", "deprecated": False}]
        }  # fmt: skip
        assert list(certificate.sources.all()) == [source]
        assert about(certificate)[0].event == Event.ENDPOINT_SEEN

    def test_by_its_fingerprint_alone(self, source, leaf, monkeypatch):
        monkeypatch.setattr(SeeingSource, "seen", [FoundEndpoint(host="www", port=443, fingerprint=leaf.fingerprint)])
        look()
        assert Endpoint.objects.get().certificate == leaf

    def test_another_certificate_there(self, source, leaf, monkeypatch):
        monkeypatch.setattr(SeeingSource, "seen", [seen(material().leaf)])
        look()
        Endpoint.objects.update(active=False, owner="web")
        monkeypatch.setattr(
            SeeingSource, "seen", [FoundEndpoint(host="www.example.org", port=443, certificate=leaf.parsed)]
        )
        look()
        endpoint = Endpoint.objects.get()
        assert (endpoint.certificate, endpoint.active, endpoint.owner) == (leaf, False, "web")
        assert about(leaf)[0].event == Event.ENDPOINT_SEEN
        events = about(leaf).count()
        look()
        assert about(leaf).count() == events

    def test_the_first_of_several_addresses_counts(self, source, leaf, monkeypatch):
        both = [seen(material().leaf, address="192.0.2.1"), seen(material().wildcard_leaf, address="192.0.2.2")]
        monkeypatch.setattr(SeeingSource, "seen", both)
        row = look()
        assert (row.endpoints, row.added) == (1, 2)
        assert Endpoint.objects.get().certificate.cn == "www.example.com"

    def test_what_nobody_can_see_is_written_out(self, source, leaf, monkeypatch):
        odd = "a\u202eb\x1b"
        found = FoundEndpoint(
            host=odd, port=1, kind=odd, certificate=leaf.parsed, policy=odd, ciphers=(odd,), aliases=(odd,)
        )
        monkeypatch.setattr(SeeingSource, "seen", [found])
        look()
        look()
        endpoint, plain = Endpoint.objects.get(), "a\\u202eb\\x1b"
        assert [endpoint.dnsname, endpoint.type, *endpoint.dns_aliases] == [plain] * 3
        assert endpoint.policy == {"name": plain, "ciphers": [{"name": plain, "deprecated": False}]}
        assert about(leaf)[0].details == {"endpoint": f"{plain}:1"}

    def test_what_is_shown_no_more_is_forgotten_after_a_while(self, source, leaf, an_endpoint):
        endpoint = an_endpoint(leaf, source=source)
        look()
        assert Endpoint.objects.exists()
        Endpoint.objects.filter(pk=endpoint.pk).update(last_updated=clock() - 3 * HOUR)
        look()
        assert not Endpoint.objects.exists()
        assert about(leaf)[0].event == Event.ENDPOINT_FORGOTTEN

    def test_a_source_that_sees_none_forgets_none(self, a_source, leaf, an_endpoint):
        endpoint = an_endpoint(leaf, source=a_source("odd-source", "files"))
        Endpoint.objects.filter(pk=endpoint.pk).update(last_updated=clock() - 3 * HOUR)
        look()
        assert Endpoint.objects.exists()


class TestRunning:
    def test_by_the_timetable(self, source, nudges, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            begin_syncs()
        assert nudges == [("lifecycle.sync", (Sync.objects.get().pk,))]

    def test_a_source_that_is_switched_off_is_left_alone(self, people, source):
        source = stores.update(source, active=False, by=people.root)
        assert sync_sources() == []
        with pytest.raises(Precondition, match="switched off"):
            discovery.ask_to_sync(source, by=people.root)

    def test_not_twice_at_once(self, source):
        [pk] = sync_sources()
        assert Sync.objects.claim(pk)
        assert sync_sources() == []
        assert due_syncs() == []
        assert due_syncs(clock() + HOUR) == [pk]

    def test_progress_can_be_seen(self, source, monkeypatch):
        told = []

        def slowly(self) -> Iterator[FoundCertificate]:
            for pair in (material().leaf, material().wildcard_leaf):
                yield found(pair)
                told.append(Sync.objects.get().seen)

        monkeypatch.setattr(SeeingSource, "certificates", slowly)
        monkeypatch.setattr(discovery, "EVERY", timedelta())
        look()
        assert told == [1, 2]

    def test_a_person_stops_it(self, people, source, leaf, monkeypatch):
        leaf.sources.add(source)

        def until_stopped(self) -> Iterator[FoundCertificate]:
            yield found(material().leaf)
            discovery.cancel(Sync.objects.select_related("source").get(), by=people.root)
            yield found(material().wildcard_leaf)
            raise AssertionError("it goes on")

        monkeypatch.setattr(SeeingSource, "certificates", until_stopped)
        monkeypatch.setattr(discovery, "EVERY", timedelta())
        row = look()
        assert (row.state, row.last_error, row.cancelled) == ("failed", "It was cancelled.", True)
        assert leaf.sources.exists()
        assert about(source)[0].event == Event.SOURCE_SYNC_CANCELLED
        with pytest.raises(Conflict):
            discovery.cancel(row, by=people.root)
        monkeypatch.undo()

    @pytest.mark.parametrize("person", ["alice", "dora", "olga"])
    def test_by_administrators_alone(self, people, source, person):
        by = getattr(people, person)
        with pytest.raises(Forbidden):
            discovery.ask_to_sync(source, by=by)
        row = discovery.ask_to_sync(source, by=people.root)
        assert row.by == people.root
        with pytest.raises(Forbidden):
            discovery.cancel(row, by=by)


class TestDeciding:
    @pytest.fixture
    def finding(self, source, monkeypatch) -> Finding:
        monkeypatch.setattr(SeeingSource, "found", [found(material().leaf)])
        look()
        return Finding.objects.select_related("certificate").get()

    def test_it_is_mine(self, people, finding):
        assert triage.claim(finding, by=people.olga).state == "assigned"
        finding.certificate.refresh_from_db()
        assert (finding.certificate.owner, finding.certificate.notify) == (people.olga.email, True)
        assert finding.decided_by == people.olga
        assert about(finding.certificate)[0].event == Event.FINDING_ASSIGNED

    def test_it_is_theirs_and_they_may_hand_it_on(self, people, finding):
        triage.assign(finding, owner="alice@example.org", by=people.root)
        finding.certificate.refresh_from_db()
        assert finding.certificate.owner == "alice@example.org"
        triage.assign(finding, owner="bob@example.org", by=people.alice)
        service.get(finding.certificate_id).owner = "bob@example.org"

    def test_it_does_not_matter(self, people, finding):
        assert triage.dismiss(finding, by=people.root).state == "dismissed"
        assert about(finding.certificate)[0].event == Event.FINDING_DISMISSED
        look()
        finding.refresh_from_db()
        assert finding.state == "dismissed"

    @pytest.mark.parametrize("person", ["alice", "charlie", "dora"])
    def test_not_by_everybody(self, people, finding, person):
        for verb in (triage.claim, triage.dismiss):
            with pytest.raises(Forbidden, match="not authorized to decide"):
                verb(finding, by=getattr(people, person))

    def test_what_is_gone_has_no_owner(self, people, finding):
        Certificate.objects.filter(pk=finding.certificate_id).update(deleted=True)
        finding.certificate.refresh_from_db()
        with pytest.raises(Conflict, match="not here any more"):
            triage.claim(finding, by=people.root)
