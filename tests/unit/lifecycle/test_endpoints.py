"""From the old certificate to the new one where it is served: against real TLS servers."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.timezone import now as clock

from certificates import service
from certificates.models import Certificate, Revocation, RotationPolicy
from certificates.models.order import REQUEST_LEASE
from certificates.service.revoking import carry_out
from core import keys
from core.audit import Event, about
from core.errors import Conflict, Forbidden, Precondition, Unavailable
from core.failpoints import Injected
from lifecycle import endpoints, retiring, undoing
from lifecycle.endpoints import due_rotations, find_endpoint_rotations, rotate_endpoint
from lifecycle.models import Endpoint, EndpointRotation
from lifecycle.retiring import clean_source, retire_replaced
from lifecycle.tasks import sweep_endpoint_rotations, sweep_replaced
from notifications.models import Notice
from plugins import Permanent, Temporary, network
from tests.factories import a_certificate
from tests.odd_endpoints import BalancerSource, KeepingDestination
from tests.odd_stores import OddDestination
from tests.pki_material import Pair
from tests.servers.tls import tls_server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]

HOST = "www.example.org"
DAY = timedelta(days=1)


def pair(certificate: Certificate) -> Pair:
    return Pair(certificate.parsed, keys.reveal(certificate.private_key))


@pytest.fixture
def web(a_destination):
    return a_destination()


@pytest.fixture
def leaf(people, root_ca, web) -> Certificate:
    made = a_certificate(people.alice, root_ca, rotation=True, destinations=[web])
    deliver(made)
    return made


def deliver(certificate: Certificate) -> None:
    for deployment in certificate.deployments.order_by("pk"):
        service.deploy(deployment.pk)


def renewed(certificate: Certificate, *, delivered: bool = True) -> Certificate:
    new = service.reissue_certificate(certificate, replace=True)
    assert isinstance(new, Certificate)
    if delivered:
        deliver(new)
    return new


def rotations() -> list[EndpointRotation]:
    return list(EndpointRotation.objects.order_by("pk"))


class TestFinding:
    def test_once_the_successor_has_arrived(self, leaf, an_endpoint, nudges, django_capture_on_commit_callbacks):
        endpoint = an_endpoint(leaf)
        assert find_endpoint_rotations() == 0
        new = renewed(leaf, delivered=False)
        assert find_endpoint_rotations() == 0
        deliver(new)
        with django_capture_on_commit_callbacks(execute=True):
            assert find_endpoint_rotations() == 1
        [rotation] = rotations()
        assert (rotation.endpoint, rotation.certificate, rotation.replaces) == (endpoint, new, leaf)
        assert nudges[-1] == ("lifecycle.rotate_endpoint", (rotation.pk,))
        assert find_endpoint_rotations() == 0

    def test_the_last_of_several_successors(self, leaf, an_endpoint):
        an_endpoint(leaf)
        last = renewed(renewed(leaf))
        assert find_endpoint_rotations() == 1
        assert rotations()[0].certificate == last

    @pytest.mark.parametrize("changes", [{"status": "revoked"}, {"deleted": True}, {"not_after": clock() - DAY}])
    def test_not_to_one_that_is_no_good(self, leaf, an_endpoint, changes):
        an_endpoint(leaf)
        new = renewed(leaf)
        Certificate.objects.filter(pk=new.pk).update(**changes)
        assert find_endpoint_rotations() == 0

    def test_an_endpoint_that_is_switched_off_is_left_alone(self, leaf, an_endpoint):
        endpoint = an_endpoint(leaf)
        renewed(leaf)
        Endpoint.objects.filter(pk=endpoint.pk).update(active=False)
        assert find_endpoint_rotations() == 0


class TestRotating:
    def test_seen_serving_it(self, leaf, an_endpoint):
        with tls_server(pair(leaf)) as old_port:
            assert old_port
        new = renewed(leaf)
        with tls_server(pair(new)) as port:
            endpoint = an_endpoint(leaf, port)
            sweep_replaced()
            sweep_endpoint_rotations()
        endpoint.refresh_from_db()
        assert endpoint.certificate == new
        [rotation] = rotations()
        assert (rotation.state, rotation.last_error) == ("done", "")
        assert rotation.verified_at is not None
        for certificate in (leaf, new):
            assert Event.ROTATION_VERIFIED in [entry.event for entry in about(certificate)]
        before = list(EndpointRotation.objects.values())
        sweep_replaced()
        sweep_endpoint_rotations()
        assert list(EndpointRotation.objects.values()) == before

    def test_a_load_balancer_is_given_it(self, leaf, an_endpoint, monkeypatch):
        new = renewed(leaf)
        with tls_server(pair(new)) as port:
            endpoint = an_endpoint(leaf, port)
            find_endpoint_rotations()
            assert rotate_endpoint(rotations()[0].pk)
        [(asked, bundle)] = BalancerSource.swapped
        assert (asked.host, asked.port, asked.fingerprint) == ("127.0.0.1", endpoint.port, leaf.fingerprint)
        assert bundle.certificate == new.parsed
        assert bundle.private_key is not None
        delivered = [entry for entry in about(new) if entry.event == Event.KEY_DELIVERED]
        assert delivered[0].details == {"endpoint": str(endpoint)}

    def test_who_cannot_swap_gets_no_key(self, leaf, an_endpoint, a_source):
        new = renewed(leaf)
        with tls_server(pair(new)) as port:
            an_endpoint(leaf, port, source=a_source("seeing-source"))
            find_endpoint_rotations()
            assert rotate_endpoint(rotations()[0].pk)
        assert Event.KEY_DELIVERED not in [e.event for e in about(new) if "endpoint" in e.details]

    def test_one_that_serves_the_old_one_is_looked_at_again_and_then_an_alarm(self, leaf, an_endpoint, settings):
        settings.LEMUR_SECURITY_TEAM_EMAIL = ["security@example.org"]
        new, now = renewed(leaf), clock()
        with tls_server(pair(leaf)) as port:
            endpoint = an_endpoint(leaf, port)
            find_endpoint_rotations(now=now)
            [rotation] = rotations()
            for _ in range(EndpointRotation.most_failures):
                assert due_rotations(now) == [rotation.pk]
                assert not rotate_endpoint(rotation.pk, now=now)
                now += 2 * DAY
        rotation.refresh_from_db()
        assert (rotation.state, due_rotations(now)) == ("failed", [])
        assert f"{endpoint} still serves another certificate at 127.0.0.1." in rotation.last_error
        assert about(new)[0].event == Event.ROTATION_FAILED
        told = Notice.objects.filter(kind="rotation-unverified")
        assert {one.recipient for one in told} == {leaf.owner, "security@example.org"}
        assert retire_replaced(now=now) == 0
        leaf.refresh_from_db()
        assert leaf.rotation

    def test_each_address_counts(self, leaf, an_endpoint, monkeypatch):
        new = renewed(leaf)
        monkeypatch.setattr(network, "addresses", lambda host: ["127.0.0.1", "127.0.0.2"])
        with tls_server(pair(new)) as port:
            an_endpoint(leaf, port, host="localhost")
            find_endpoint_rotations()
            assert not rotate_endpoint(rotations()[0].pk)
        assert "was not seen at 127.0.0.2" in rotations()[0].last_error

    def test_an_address_that_may_not_be_contacted(self, leaf, an_endpoint):
        network.configure(allow=[])
        an_endpoint(leaf)
        renewed(leaf)
        find_endpoint_rotations()
        assert not rotate_endpoint(rotations()[0].pk)
        assert "OUTBOUND_ALLOW" in rotations()[0].last_error

    @pytest.mark.parametrize(("trouble", "state"), [(Temporary("busy"), "waiting"), (Permanent("gone"), "failed")])
    def test_a_source_in_trouble(self, leaf, an_endpoint, monkeypatch, trouble, state):
        monkeypatch.setattr(BalancerSource, "trouble", trouble)
        an_endpoint(leaf)
        renewed(leaf)
        find_endpoint_rotations()
        assert not rotate_endpoint(rotations()[0].pk)
        assert (rotations()[0].state, rotations()[0].last_error) == (state, str(trouble))

    def test_a_claimed_one_is_left_to_who_has_it(self, leaf, an_endpoint):
        an_endpoint(leaf)
        renewed(leaf)
        find_endpoint_rotations()
        [rotation] = rotations()
        EndpointRotation.objects.claim(rotation.pk)
        assert not rotate_endpoint(rotation.pk)
        assert BalancerSource.swapped == []


class TestOneDestinationAfterTheOther:
    @pytest.fixture
    def leaf(self, people, root_ca, a_destination) -> Certificate:
        places = [a_destination(label) for label in ("a", "b", "c")]
        made = a_certificate(people.alice, root_ca, rotation=True, destinations=places)
        deliver(made)
        return made

    def states(self, certificate: Certificate) -> list[str]:
        return list(certificate.deployments.order_by("pk").values_list("state", flat=True))

    def test_the_first_ones_are_delivered_everywhere_at_once(self, leaf):
        assert self.states(leaf) == ["done"] * 3

    def test_a_renewal_stops_at_the_first_bad_one(self, leaf, monkeypatch):
        new = renewed(leaf, delivered=False)
        first, second, third = new.deployments.order_by("pk")
        assert not service.deploy(third.pk)
        assert service.deploying.due_deployments() == [first.pk]
        assert service.deploy(first.pk)
        monkeypatch.setattr(KeepingDestination, "trouble", Permanent("disk full"))
        assert not service.deploy(second.pk)
        assert self.states(new) == ["done", "failed", "waiting"]
        assert service.deploying.due_deployments() == []
        monkeypatch.setattr(KeepingDestination, "trouble", None)
        service.deliver_again(second.destination, by=leaf.user.__class__.objects.get(username="root"))
        deliver(new)
        assert self.states(new) == ["done"] * 3

    def test_the_next_is_nudged(self, leaf, nudges, django_capture_on_commit_callbacks):
        new = renewed(leaf, delivered=False)
        first, second, _ = new.deployments.order_by("pk")
        with django_capture_on_commit_callbacks(execute=True):
            service.deploy(first.pk)
        assert nudges == [("certificates.deploy", (second.pk,))]

    def test_a_revoked_one_leaves_all_of_them(self, people, leaf):
        new = renewed(leaf, delivered=False)
        first, *_ = new.deployments.order_by("pk")
        service.deploy(first.pk)
        service.revoke(new, by=people.root)
        assert not new.deployments.exists()


class TestRetiring:
    def test_what_is_served_nowhere(self, leaf, an_endpoint):
        endpoint = an_endpoint(leaf)
        new = renewed(leaf)
        assert retire_replaced() == 0
        Endpoint.objects.filter(pk=endpoint.pk).update(certificate=new)
        assert retire_replaced() == 1
        leaf.refresh_from_db()
        assert (leaf.rotation, leaf.notify, leaf.status) == (False, False, None)
        entry = about(leaf)[0]
        assert (entry.event, entry.details) == (Event.CERTIFICATE_RETIRED, {"successor": new.name, "problems": []})
        assert not leaf.deployments.exists(), "its place is the new one's"
        assert retire_replaced() == 0
        [notice] = Notice.objects.filter(kind="certificate-rotated")
        assert (notice.recipient, notice.subject_label) == (leaf.owner, f"{leaf.name} by {new.name}")

    @pytest.mark.parametrize("revokes_old", [False, True])
    def test_by_one_of_two_sweeps_at_once(self, people, leaf, revokes_old):
        service.update_policy(RotationPolicy.usual(), revokes_old=revokes_old, by=people.root)
        new = renewed(leaf)
        for _ in range(2):
            retiring._retire(leaf, new)
        assert [entry.event for entry in about(leaf)].count(Event.CERTIFICATE_RETIRED) == 1

    def test_not_before_the_new_one_is_everywhere(self, leaf):
        new = renewed(leaf, delivered=False)
        assert retire_replaced() == 0
        deliver(new)
        assert retire_replaced() == 1

    def test_what_was_not_replaced_stays(self, leaf):
        Certificate.objects.update(notify=False)
        assert retire_replaced() == 0

    def test_by_its_policy_it_is_revoked_and_cleaned(self, people, leaf, a_source):
        service.update_policy(RotationPolicy.usual(), revokes_old=True, cleans_old=True, by=people.root)
        balancer, files = a_source(), a_source("odd-source", "files")
        leaf.sources.add(balancer, files)
        renewed(leaf)
        assert retire_replaced() == 1
        leaf.refresh_from_db()
        assert leaf.status == "revoked"
        assert [found.certificate for found in BalancerSource.cleaned] == [leaf.parsed]
        assert list(leaf.sources.all()) == [files]
        assert about(leaf).get(event=Event.CERTIFICATE_RETIRED).details["problems"] == [
            "files cannot remove certificates."
        ]
        assert [e.event for e in about(leaf)].count(Event.CERTIFICATE_CLEANED) == 1

    @pytest.mark.parametrize("died", ["revocation.after-commit", "certificate.revoke.before-commit"])
    def test_dying_while_it_is_revoked_forgets_nothing(self, people, leaf, monkeypatch, died):
        service.update_policy(RotationPolicy.usual(), revokes_old=True, by=people.root)
        renewed(leaf)
        monkeypatch.setenv("FAILPOINTS", f"{died}=raise")
        with pytest.raises(Injected):
            retire_replaced()
        monkeypatch.delenv("FAILPOINTS")
        assert [entry.event for entry in about(leaf)].count(Event.CERTIFICATE_RETIRED) == 1
        assert Notice.objects.filter(kind="certificate-rotated").count() == 1
        assert retire_replaced() == 0
        carry_out(Revocation.objects.get().pk, now=clock() + REQUEST_LEASE)
        leaf.refresh_from_db()
        assert leaf.status == "revoked"

    def test_what_an_authority_refuses_is_said(self, people, leaf, monkeypatch):
        service.update_policy(RotationPolicy.usual(), revokes_old=True, by=people.root)
        renewed(leaf)
        monkeypatch.setattr("lifecycle.retiring.revoke", _refuse)
        assert retire_replaced() == 1
        assert about(leaf)[0].details["problems"] == ["It is in use."]


def _refuse(*args, **kwargs):
    raise Forbidden("It is in use.")


class TestRollingBack:
    @pytest.fixture
    def stuck(self, leaf, an_endpoint, a_source) -> EndpointRotation:
        """Delivered, and given up since the endpoint did not serve it."""
        an_endpoint(leaf)
        renewed(leaf)
        find_endpoint_rotations()
        [rotation] = rotations()
        EndpointRotation.objects.filter(pk=rotation.pk).update(state="failed", last_error="still serves another")
        rotation.refresh_from_db()
        return rotation

    def test_the_pair_before_is_in_its_place_again(self, people, stuck, leaf):
        new = stuck.certificate
        assert KeepingDestination.held_by[HOST].certificate == new.parsed
        undone = undoing.roll_back(stuck, by=people.alice)
        held = KeepingDestination.held_by[HOST]
        assert held.certificate == leaf.parsed
        assert keys.reveal(leaf.private_key).public_key() == held.private_key.public_key()
        assert [bundle.certificate for _, bundle in BalancerSource.swapped] == [leaf.parsed]
        assert (undone.state, undone.rolled_back_at is not None) == ("failed", True)
        leaf.refresh_from_db()
        new.refresh_from_db()
        assert (leaf.notify, leaf.rotation, new.notify, new.rotation) == (True, True, False, False)
        assert leaf.renews_at > clock() + DAY / 2
        assert [one.state for one in leaf.deployments.all()] == ["done"]
        assert [one.state for one in new.deployments.all()] == ["failed"]
        for certificate in (leaf, new):
            assert about(certificate)[0].event == Event.ROTATION_ROLLED_BACK
        assert (find_endpoint_rotations(), retire_replaced(), due_rotations()) == (0, 0, [])
        with pytest.raises(Conflict):
            undoing.roll_back(stuck, by=people.alice)

    def test_where_nothing_is_kept_it_is_delivered_anew(self, people, leaf, an_endpoint, a_destination, root_ca):
        plain = a_certificate(
            people.alice, root_ca, cn="plain.example.org", destinations=[a_destination("plain", "odd-destination")]
        )
        deliver(plain)
        an_endpoint(plain)
        renewed(plain)
        find_endpoint_rotations()
        [rotation] = rotations()
        undoing.roll_back(rotation, by=people.alice)
        assert OddDestination.held_by["plain.example.org"].certificate == plain.parsed

    def test_a_destination_that_does_not_take_it_back(self, people, stuck, leaf, monkeypatch):
        monkeypatch.setattr(KeepingDestination, "trouble", Temporary("no answer"))
        with pytest.raises(Unavailable, match="could not be rolled back: no answer"):
            undoing.roll_back(stuck, by=people.alice)
        stuck.refresh_from_db()
        assert (stuck.state, stuck.last_error, stuck.rolled_back_at) == ("failed", "no answer", None)
        assert list(stuck.certificate.replaces.all()) == [leaf]
        monkeypatch.setattr(KeepingDestination, "trouble", None)
        assert undoing.roll_back(stuck, by=people.alice).rolled_back_at is not None

    def test_to_one_that_is_over_there_is_no_way_back(self, people, stuck, leaf):
        Certificate.objects.filter(pk=leaf.pk).update(not_after=clock() - DAY)
        with pytest.raises(Precondition, match="nothing to go back to"):
            undoing.roll_back(stuck, by=people.alice)

    def test_what_is_verified_stays(self, people, stuck):
        EndpointRotation.objects.filter(pk=stuck.pk).update(state="done")
        with pytest.raises(Conflict, match="it is verified"):
            undoing.roll_back(stuck, by=people.alice)

    @pytest.mark.parametrize("person", ["charlie", "dora", "olga"])
    def test_by_who_looks_after_it_alone(self, people, stuck, person):
        for verb in (undoing.roll_back, undoing.retry):
            with pytest.raises(Forbidden):
                verb(stuck, by=getattr(people, person))

    def test_looking_again(self, people, stuck):
        again = undoing.retry(stuck, by=people.alice)
        assert (again.state, again.failures, due_rotations()) == ("waiting", 0, [stuck.pk])
        assert about(stuck.certificate)[0].event == Event.ROTATION_RETRIED
        with pytest.raises(Conflict):
            undoing.retry(stuck, by=people.alice)


def test_an_endpoint_without_an_address(leaf, an_endpoint):
    endpoint = an_endpoint(leaf, host="nowhere.invalid")
    with pytest.raises(Temporary, match=r"nowhere.invalid has no address"):
        endpoints.require_served(endpoint, leaf)


class TestCleaning:
    """By hand: the three questions, and what is removed."""

    @pytest.fixture
    def balancer(self, a_source, leaf):
        made = a_source()
        leaf.sources.add(made)
        return made

    def clean(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("clean_source", "balancer", *arguments, stdout=out, stderr=out)
        return out.getvalue()

    def test_each_question(self, balancer, leaf):
        assert self.clean("--expired", "--dry-run") == ""
        for which in ("--expiring-in", "--issued-since"):
            assert self.clean(which, "400", "--dry-run") == f"{leaf.name}\n"
        assert BalancerSource.cleaned == []
        assert self.clean("--issued-since", "1") == "Removed 1 of 1 certificates from balancer.\n"
        assert [found.certificate for found in BalancerSource.cleaned] == [leaf.parsed]
        assert not leaf.sources.exists()
        assert about(leaf)[0].event == Event.CERTIFICATE_CLEANED
        assert self.clean("--issued-since", "1") == "Removed 0 of 0 certificates from balancer.\n"

    def test_what_is_served_stays(self, balancer, leaf, an_endpoint):
        an_endpoint(leaf, source=balancer)
        assert self.clean("--issued-since", "1") == "Removed 0 of 0 certificates from balancer.\n"

    def test_what_it_does_not_let_go(self, balancer, leaf, monkeypatch):
        monkeypatch.setattr(BalancerSource, "trouble", Permanent("in use"))
        assert self.clean("--issued-since", "1") == "balancer: in use\nRemoved 0 of 1 certificates from balancer.\n"
        assert leaf.sources.exists()

    def test_a_source_that_there_is_not(self):
        with pytest.raises(CommandError, match="There is no source called balancer"):
            self.clean("--expired")

    def test_by_administrators_alone(self, people, balancer, leaf):
        with pytest.raises(Forbidden):
            clean_source(balancer, [leaf], by=people.alice)
