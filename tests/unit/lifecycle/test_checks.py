"""Checks that never stop: revocation, what endpoints serve, and which certificates renew themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography import x509
from django.utils.timezone import now as clock

from certificates import service, verify
from certificates.models import Certificate
from core import keys
from core.audit import Event, about
from lifecycle import revocation
from lifecycle.checking import check_endpoint, due_endpoints
from lifecycle.models import Endpoint
from lifecycle.revocation import check, check_revocation
from lifecycle.switching import set_switches
from lifecycle.tasks import check_status, sweep_endpoints
from notifications.models import Notice
from pki.revocation import Status, Verdict
from plugins import network
from tests.factories import a_certificate
from tests.pki_material import Pair, as_pem, material
from tests.servers.tls import tls_server

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Chained(Pair):
    """With what is sent after it."""

    sent: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        return super().pem + "".join(map(as_pem, self.sent))


class TestRevocation:
    @pytest.fixture
    def theirs(self, people) -> Certificate:
        """Of another CA."""
        return service.upload(by=people.alice, body=material().leaf.pem, owner="alice@example.org")

    def answer(self, monkeypatch, status: Status) -> None:
        monkeypatch.setattr(verify, "verdict", lambda *_, **__: Verdict(status, "OCSP", "keyCompromise"))

    def test_our_own_ledger_says_it(self, leaf):
        assert check([leaf.pk]) == 1
        leaf.refresh_from_db()
        assert (leaf.status, leaf.status_checked_at is not None) == ("valid", True)

    def test_those_that_were_asked_longest_ago_first_and_within_a_day(self, people, leaf, theirs, nudges):
        now = clock()
        ca = Certificate.objects.get(root_authority__name="Root")
        Certificate.objects.filter(pk=leaf.pk).update(status_checked_at=now - 30 * HOUR)
        Certificate.objects.filter(pk=ca.pk).update(status_checked_at=now - 25 * HOUR)
        assert check_revocation(now=now) == [theirs.pk, leaf.pk, ca.pk]
        Certificate.objects.update(status_checked_at=now)
        assert check_revocation(now=now) == []
        assert set(check_revocation(now=now + 20 * HOUR)) == {theirs.pk, leaf.pk, ca.pk}

    def test_a_part_of_all_in_an_hour(self, leaf, theirs, monkeypatch):
        monkeypatch.setattr(revocation, "AT_LEAST", 1)
        assert len(check_revocation()) == 1

    @pytest.mark.parametrize("changes", [{"status": "revoked"}, {"deleted": True}, {"not_after": clock() - DAY}])
    def test_what_is_over_is_not_asked_about(self, leaf, changes):
        Certificate.objects.filter(pk=leaf.pk).update(**changes)
        assert leaf.pk not in check_revocation()

    def test_a_revoked_one_is_told_once(self, theirs, monkeypatch, settings):
        settings.LEMUR_SECURITY_TEAM_EMAIL = ["security@example.org"]
        self.answer(monkeypatch, Status.REVOKED)
        check_status(str(theirs.pk))
        theirs.refresh_from_db()
        assert theirs.status == "revoked"
        entry = about(theirs)[0]
        assert entry.event == Event.CERTIFICATE_FOUND_REVOKED
        assert entry.details == {"said_by": "OCSP", "reason": "keyCompromise", "before": None}
        told = Notice.objects.filter(kind="certificate-found-revoked").values_list("recipient", flat=True)
        assert set(told) == {"alice@example.org", "security@example.org"}
        check_status(str(theirs.pk))
        assert Notice.objects.count() == 2

    def test_nobody_is_told_that_nobody_answers(self, theirs, monkeypatch):
        self.answer(monkeypatch, Status.UNKNOWN)
        assert check([theirs.pk]) == 0
        theirs.refresh_from_db()
        assert (theirs.status, Notice.objects.count()) == ("unknown", 0)

    def test_what_somebody_has_found_out_meanwhile_stays(self, theirs, monkeypatch):
        def slow(*_, **__) -> Verdict:
            Certificate.objects.filter(pk=theirs.pk).update(status="revoked", status_checked_at=clock())
            return Verdict(Status.GOOD, "OCSP")

        monkeypatch.setattr(verify, "verdict", slow)
        check([theirs.pk])
        theirs.refresh_from_db()
        assert theirs.status == "revoked"


@pytest.mark.usefixtures("loopback")
class TestEndpoints:
    def chained(self, certificate: Certificate, *issuers) -> Pair:
        """A server sends what stands in its file, in that order."""
        return Chained(certificate.parsed, keys.reveal(certificate.private_key), issuers)

    @pytest.fixture
    def leaf(self, people, issuing_ca) -> Certificate:
        return a_certificate(people.alice, issuing_ca)

    def problems(self, leaf, an_endpoint, pair) -> list[str]:
        with tls_server(pair) as port:
            return check_endpoint(an_endpoint(leaf, port).pk)

    def test_all_is_well(self, leaf, an_endpoint):
        assert self.problems(leaf, an_endpoint, self.chained(leaf, leaf.issuers[0])) == []
        endpoint = Endpoint.objects.get()
        assert endpoint.checked_at is not None
        assert about(leaf)[0].event != Event.ENDPOINT_CHECKED

    def test_with_the_root_too(self, leaf, an_endpoint):
        assert self.problems(leaf, an_endpoint, self.chained(leaf, *leaf.issuers)) == []

    def test_a_missing_intermediate(self, leaf, an_endpoint):
        [problem] = self.problems(leaf, an_endpoint, self.chained(leaf))
        assert problem == "127.0.0.1 does not send the intermediate Issuing CA."
        assert about(leaf)[0].details["problems"] == [problem]
        assert {"name": "not as it should be", "value": problem} in Endpoint.objects.get().issues

    def test_a_wrong_order(self, leaf, an_endpoint):
        assert self.problems(leaf, an_endpoint, self.chained(leaf, leaf.issuers[1], leaf.issuers[0])) == [
            "127.0.0.1 sends its chain in the wrong order."
        ]

    def test_another_certificate(self, leaf, an_endpoint):
        [problem] = self.problems(leaf, an_endpoint, material().leaf)
        assert problem.startswith("127.0.0.1 serves another certificate, www.example.com, until ")

    def test_another_certificate_with_a_name_that_cannot_be_seen(self, leaf, an_endpoint):
        [problem] = self.problems(leaf, an_endpoint, material().leaf_with(cn="a\u202eb", names=["www.example.com"]))
        assert "another certificate, a\\u202eb, until" in problem

    def test_each_address(self, leaf, an_endpoint, monkeypatch):
        monkeypatch.setattr(network, "addresses", lambda host: ["127.0.0.1", "127.0.0.2"])
        [problem] = self.problems(leaf, an_endpoint, self.chained(leaf, leaf.issuers[0]))
        assert problem.startswith("127.0.0.2: it could not be asked")

    def test_it_is_an_event_once_and_when_it_is_well_again(self, leaf, an_endpoint):
        endpoint = an_endpoint(leaf, 1)
        for _ in range(2):
            assert check_endpoint(endpoint.pk)
        with tls_server(self.chained(leaf, leaf.issuers[0])) as port:
            Endpoint.objects.filter(pk=endpoint.pk).update(port=port)
            assert check_endpoint(endpoint.pk) == []
        assert [entry.event for entry in about(leaf)].count(Event.ENDPOINT_CHECKED) == 2

    def test_a_name_without_an_address_and_one_that_may_not_be_asked(self, leaf, an_endpoint):
        assert "has no address" in check_endpoint(an_endpoint(leaf, host="nowhere.invalid").pk)[0]
        network.configure(allow=[])
        Endpoint.objects.update(dnsname="127.0.0.1")
        assert "OUTBOUND_ALLOW" in check_endpoint(Endpoint.objects.get().pk)[0]

    def test_each_once_an_hour(self, leaf, an_endpoint):
        endpoint, now = an_endpoint(leaf, 1), clock()
        assert due_endpoints(now) == [endpoint.pk]
        sweep_endpoints()
        assert due_endpoints() == []
        assert due_endpoints(clock() + HOUR) == [endpoint.pk]
        Endpoint.objects.update(active=False)
        assert due_endpoints(clock() + HOUR) == []


class TestSwitches:
    def rotates(self, certificate: Certificate) -> bool:
        return Certificate.objects.get(pk=certificate.pk).rotation

    def test_nothing_unless_the_site_says_so(self, people, root_ca, an_endpoint):
        used = a_certificate(people.alice, root_ca)
        an_endpoint(used)
        assert set_switches() == {}

    def test_what_is_in_use_is_switched_on(self, people, root_ca, issuing_ca, an_endpoint, a_destination, settings):
        settings.AUTOROTATE_AUTHORITIES = ["Root"]
        served = a_certificate(people.alice, root_ca, cn="a.example.org")
        delivered = a_certificate(people.alice, root_ca, cn="b.example.org", destinations=[a_destination()])
        a_certificate(people.alice, root_ca, cn="c.example.org")
        an_endpoint(served)
        an_endpoint(
            a_certificate(people.alice, issuing_ca, cn="d.example.org"), port=8443, source=served.endpoints.get().source
        )
        assert set_switches() == {served.pk: True, delivered.pk: True}
        assert self.rotates(served)
        assert about(served)[0].event == Event.CERTIFICATE_UPDATED
        assert set_switches() == {}

    def test_what_nothing_serves_only_where_a_function_says_so(self, people, root_ca, an_endpoint, settings):
        settings.AUTOROTATE_OFF_FILTER = f"{__name__}.only_old"
        for name in ("old.example.org", "new.example.org", "bug.example.org", "served.example.org"):
            made = a_certificate(people.alice, root_ca, cn=name, rotation=True)
        an_endpoint(made)
        old = Certificate.objects.get(cn="old.example.org")
        assert set_switches() == {old.pk: False}
        assert not self.rotates(old)

    def test_of_doubles_the_last_one_stays_on(self, people, root_ca, a_destination):
        place = a_destination()
        twice = [a_certificate(people.alice, root_ca, rotation=True) for _ in range(3)]
        elsewhere = a_certificate(people.alice, root_ca, rotation=True, destinations=[place])
        assert set_switches() == {twice[1].pk: False, twice[0].pk: False}
        assert self.rotates(twice[2])
        assert self.rotates(elsewhere)


def only_old(certificate: Certificate) -> bool:
    if certificate.cn == "bug.example.org":
        raise RuntimeError("a bug")
    return certificate.cn == "old.example.org"
