"""Delivering certificates: what goes out, what does not, and what becomes of a row when it fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from certificates import service
from certificates.models import Certificate, Deployment, update_destinations
from certificates.models.certificate import Status
from certificates.service.deploying import due_deployments
from certificates.service.occupied import delivery_name
from certificates.tasks import sweep_deployments
from core.audit import Event
from core.errors import Forbidden, Invalid
from core.models import AuditEntry
from lemur_site.celery import app as celery
from pki import keys
from plugins import Misconfigured, Permanent, Temporary
from stores import service as stores
from stores.models import Destination
from tests.factories import a_certificate
from tests.odd_stores import OddDestination, register

pytestmark = pytest.mark.django_db
HOST = "www.example.org"


@pytest.fixture(autouse=True)
def odd(monkeypatch) -> None:
    register(monkeypatch)


@pytest.fixture
def web(people) -> Destination:
    return a_destination(people, "web")


def a_destination(people, label: str, **options) -> Destination:
    return stores.create(Destination, label=label, plugin="odd-destination", options=options, by=people.root)


@pytest.fixture
def certificate(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, cn=HOST)


def attached(certificate: Certificate, destination: Destination) -> Deployment:
    update_destinations(certificate, destination)
    return Deployment.objects.get(certificate=certificate, destination=destination)


def delivered(certificate: Certificate, destination: Destination) -> Deployment:
    deployment = attached(certificate, destination)
    service.deploy(deployment.pk)
    deployment.refresh_from_db()
    return deployment


def events(certificate: Certificate) -> list[str]:
    about = AuditEntry.objects.filter(target_type="certificates.certificate", target_id=str(certificate.pk))
    return list(about.order_by("pk").values_list("event", flat=True))


def test_a_certificate_arrives_with_its_key_and_chain(certificate, web, root_ca):
    deployment = delivered(certificate, web)
    assert (deployment.state, deployment.last_error) == ("done", "")
    assert deployment.deployed_at is not None
    bundle = OddDestination.held_by[HOST]
    assert bundle.certificate == certificate.parsed
    assert list(bundle.chain) == [root_ca.certificate]
    assert keys.belongs(bundle.private_key, certificate.public_key)
    assert events(certificate)[-2:] == [Event.KEY_DELIVERED, Event.CERTIFICATE_DEPLOYED]
    assert [one.destination_id for one in certificate.deployments.all()] == [web.pk]


def test_what_comes_with_an_order_is_delivered_right_after_it(
    people, root_ca, web, nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        made = a_certificate(people.alice, root_ca, cn=HOST, destinations=[web])
        assert nudges == []
    deployment = made.deployments.get()
    assert nudges == [("certificates.deploy", (deployment.pk,))]
    celery.tasks[nudges[0][0]](*nudges[0][1])
    deployment.refresh_from_db()
    assert deployment.state == "done"


def test_what_is_there_already_nudges_nobody(certificate, web, nudges, django_capture_on_commit_callbacks):
    attached(certificate, web)
    with django_capture_on_commit_callbacks(execute=True):
        update_destinations(certificate, web)
    assert nudges == []


def test_the_sweep_delivers_what_is_due_and_once(certificate, web, monkeypatch):
    attached(certificate, web)
    calls = []
    monkeypatch.setattr(OddDestination, "trouble", calls.append)
    sweep_deployments()
    sweep_deployments()
    assert len(calls) == 1
    assert due_deployments() == []


def test_a_destination_that_needs_no_key_gets_none(people, certificate):
    keyless = a_destination(people, "public", keyless=True)
    delivered(certificate, keyless)
    assert OddDestination.held_by[HOST].private_key is None
    assert Event.KEY_DELIVERED not in events(certificate)


def test_a_claimed_one_is_left_to_who_has_it(certificate, web):
    deployment = attached(certificate, web)
    Deployment.objects.claim(deployment.pk)
    assert service.deploy(deployment.pk) is False
    assert OddDestination.held_by == {}
    assert service.deploy(deployment.pk, now=clock() + timedelta(minutes=11)) is True


def test_a_destination_that_is_switched_off_waits(people, certificate, web):
    stores.update(web, active=False, by=people.root)
    deployment = attached(certificate, web)
    assert due_deployments() == []
    assert service.deploy(deployment.pk) is False
    deployment.refresh_from_db()
    assert (deployment.state, deployment.attempts) == ("waiting", 0)
    stores.update(web, active=True, by=people.root)
    assert due_deployments() == [deployment.pk]


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [Temporary("no answer"), Misconfigured("wrong key"), RuntimeError("a bug")])
def test_what_may_be_put_right_is_tried_again_and_then_given_up(certificate, web, monkeypatch, trouble):
    monkeypatch.setattr(OddDestination, "trouble", trouble)
    deployment = delivered(certificate, web)
    assert (deployment.state, deployment.failures) == ("waiting", 1)
    assert str(deployment.last_error) != ""
    assert due_deployments() == []
    for hours in range(1, Deployment.most_failures + 9):
        service.deploy(deployment.pk, now=clock() + timedelta(hours=12 * hours))
    deployment.refresh_from_db()
    assert (deployment.state, deployment.failures) == ("failed", Deployment.most_failures)
    assert events(certificate)[-1] == Event.DEPLOYMENT_FAILED
    assert events(certificate).count(Event.KEY_DELIVERED) == Deployment.most_failures


def test_what_is_hopeless_is_given_up_at_once(certificate, web, monkeypatch):
    monkeypatch.setattr(OddDestination, "trouble", Permanent("not in this format"))
    deployment = delivered(certificate, web)
    assert (deployment.state, deployment.last_error) == ("failed", "not in this format")
    entry = AuditEntry.objects.latest("pk")
    assert (entry.event, entry.details) == ("deployment.failed", {"destination": "web", "error": "not in this format"})


def test_what_was_given_up_is_tried_again_when_somebody_says_so(
    people, certificate, web, monkeypatch, nudges, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(OddDestination, "trouble", Permanent("no"))
    deployment = delivered(certificate, web)
    monkeypatch.setattr(OddDestination, "trouble", None)
    with pytest.raises(Forbidden):
        service.deliver_again(web, by=people.alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert service.deliver_again(web, by=people.root) == 1
    assert nudges == [("certificates.deploy", (certificate.deployments.get().pk,))]
    assert service.deploy(deployment.pk) is True


@pytest.mark.parametrize(
    "changes",
    [{"not_after": clock() - timedelta(seconds=1)}, {"status": Status.REVOKED}, {"deleted": True}],
    ids=["expired", "revoked", "deleted"],
)
def test_what_is_over_does_not_go_out(certificate, web, changes):
    Certificate.objects.filter(pk=certificate.pk).update(**changes)
    deployment = delivered(certificate, web)
    assert deployment.state == "failed"
    assert "not delivered any more" in deployment.last_error
    assert OddDestination.held_by == {}
    assert Event.KEY_DELIVERED not in events(certificate)


def test_something_else_is_there_afterwards(certificate, web, monkeypatch):
    monkeypatch.setattr(OddDestination, "held", lambda self, name: None)
    deployment = delivered(certificate, web)
    assert deployment.state == "waiting"
    assert "holds another one" in deployment.last_error
    assert Event.CERTIFICATE_DEPLOYED not in events(certificate)


def test_withdrawn_while_it_was_on_its_way(people, certificate, web, monkeypatch):
    deployment = attached(certificate, web)
    monkeypatch.setattr(OddDestination, "trouble", lambda bundle: Deployment.objects.all().delete())
    assert service.deploy(deployment.pk) is False
    assert Event.CERTIFICATE_DEPLOYED not in events(certificate)


def test_one_without_a_key_is_refused_where_the_key_is_needed(people, certificate, web):
    Certificate.objects.filter(pk=certificate.pk).update(private_key=None)
    certificate.refresh_from_db()
    public = a_destination(people, "public", keyless=True)
    service.require_deliverable(certificate, [public])
    with pytest.raises(Invalid) as caught:
        service.require_deliverable(certificate, [public, web])
    assert caught.value.message == "Unable to add destination: web. Certificate does not have required private key."
    assert "does not have required private key" in delivered(certificate, web).last_error


def test_the_key_of_an_authority_never_leaves(people, root_ca, web):
    own = Certificate.objects.get(root_authority=root_ca)
    with pytest.raises(Invalid, match="The key of an authority never leaves"):
        service.require_deliverable(own, [web])
    Certificate.objects.filter(pk=own.pk).update(private_key=root_ca.private_key)
    deployment = delivered(own, web)
    assert (deployment.state, OddDestination.held_by) == ("failed", {})
    public = a_destination(people, "public", keyless=True)
    assert delivered(own, public).state == "done"


def test_a_successor_takes_the_place(people, root_ca, certificate, web):
    delivered(certificate, web)
    second = a_certificate(people.alice, root_ca, cn=HOST, replaces=[certificate])
    third = a_certificate(people.alice, root_ca, cn=HOST.upper(), replaces=[second])
    assert delivered(third, web).state == "done"
    assert OddDestination.held_by[HOST].certificate == third.parsed


def test_a_stranger_of_the_same_name_does_not(people, root_ca, certificate, web):
    delivered(certificate, web)
    stranger = a_certificate(people.bob, root_ca, cn=HOST)
    deployment = delivered(stranger, web)
    assert deployment.state == "failed"
    assert f"web holds {certificate.name} under the name {HOST}" in deployment.last_error
    assert OddDestination.held_by[HOST].certificate == certificate.parsed
    assert delivered(stranger, a_destination(people, "elsewhere")).state == "done"
    Certificate.objects.filter(pk=certificate.pk).update(status=Status.REVOKED)
    service.deliver_again(web, by=people.root)
    assert service.deploy(deployment.pk) is True


def test_the_replaced_one_does_not_come_back(people, root_ca, certificate, web):
    old = delivered(certificate, web)
    new = a_certificate(people.alice, root_ca, cn=HOST, replaces=[certificate])
    delivered(new, web)
    Deployment.objects.filter(pk=old.pk).update(state="waiting")
    assert service.deploy(old.pk) is False
    assert OddDestination.held_by[HOST].certificate == new.parsed


@pytest.mark.parametrize(
    ("cn", "expected"),
    [
        ("www.example.org", "www.example.org"),
        ("WWW.Example.ORG", "www.example.org"),
        ("*.example.org", "WILDCARD.example.org"),
        ("../../etc/passwd", "the-name"),
        ("a/b", "the-name"),
        ("-rf", "the-name"),
        (".ssh", "the-name"),
        ("new\nline", "the-name"),
        ("x" * 300, "the-name"),
        ("", "the-name"),
        (None, "the-name"),
    ],
)
def test_names_at_destinations(cn, expected):
    assert delivery_name(Certificate(cn=cn, name="the-name", fingerprint="ab" * 32)) == expected


def test_a_name_that_does_not_fit_either():
    assert delivery_name(Certificate(cn=None, name="n" * 256, fingerprint="ab" * 32)) == "ab" * 32


def test_duplicate_accounts_are_refused(people, web):
    one, two = (a_destination(people, label, accountNumber="4711") for label in ("one", "two"))
    other = a_destination(people, "other", accountNumber="4712")
    second = a_destination(people, "second")
    service.refuse_duplicate_destinations([web, second, one, other, one])
    with pytest.raises(Invalid) as caught:
        service.refuse_duplicate_destinations([one, other, two])
    message = "Duplicate destinations for plugin odd-destination and account 4711 are not allowed"
    assert caught.value.message == message


def test_a_plugin_may_allow_several(people, monkeypatch):
    monkeypatch.setattr(OddDestination, "several_per_account", True)
    service.refuse_duplicate_destinations([a_destination(people, str(n), accountNumber="4711") for n in range(2)])


def test_removing_one_certificate(people, certificate, web, monkeypatch):
    delivered(certificate, web)
    with pytest.raises(Forbidden):
        service.remove_from_destination(certificate, web, by=people.charlie)
    monkeypatch.setattr(OddDestination, "trouble", Temporary("no answer"))
    with pytest.raises(Invalid, match=r"Failed to remove destination: web\. no answer"):
        service.remove_from_destination(certificate, web, by=people.alice)
    assert certificate.deployments.exists()
    monkeypatch.setattr(OddDestination, "trouble", None)
    service.remove_from_destination(certificate, web, by=people.alice)
    assert (OddDestination.held_by, certificate.deployments.exists()) == ({}, False)
    assert events(certificate)[-1] == Event.CERTIFICATE_WITHDRAWN


def test_removing_what_never_arrived_asks_nobody(people, certificate, web, monkeypatch):
    attached(certificate, web)
    monkeypatch.setattr(OddDestination, "trouble", Temporary("no answer"))
    service.remove_from_destination(certificate, web, by=people.alice)
    assert not certificate.deployments.exists()


def test_removing_what_may_have_arrived_asks_the_host(people, certificate, web, monkeypatch):
    """We died between the upload and writing down that it was done."""
    deployment = delivered(certificate, web)
    Deployment.objects.filter(pk=deployment.pk).update(
        state="waiting", leased=True, not_before=clock(), deployed_at=None
    )
    monkeypatch.setattr(OddDestination, "trouble", Temporary("no answer"))
    with pytest.raises(Invalid, match="no answer"):
        service.remove_from_destination(certificate, web, by=people.alice)
    assert certificate.deployments.exists()
    monkeypatch.setattr(OddDestination, "trouble", None)
    service.remove_from_destination(certificate, web, by=people.alice)
    assert (OddDestination.held_by, certificate.deployments.exists()) == ({}, False)


def test_removing_what_is_on_its_way_waits_for_it(people, certificate, web, monkeypatch):
    deployment, refused = attached(certificate, web), []

    def remove(bundle):
        with pytest.raises(Invalid, match=r"Failed to remove destination: web\. .* being delivered"):
            service.remove_from_destination(certificate, web, by=people.alice)
        refused.append(bundle)

    monkeypatch.setattr(OddDestination, "trouble", remove)
    assert service.deploy(deployment.pk) is True
    assert len(refused) == 1


def test_what_is_delivered_while_it_is_removed_stays_here(people, certificate, web, monkeypatch):
    deployment = delivered(certificate, web)
    again = {"state": "waiting", "attempts": 7}
    monkeypatch.setattr(
        OddDestination, "trouble", lambda bundle: Deployment.objects.filter(pk=deployment.pk).update(**again)
    )
    with pytest.raises(Invalid, match="being delivered"):
        service.remove_from_destination(certificate, web, by=people.alice)
    assert certificate.deployments.exists()


def test_the_old_one_does_not_go_out_once_its_successor_shall_be_there(people, root_ca, certificate, web):
    """Both are due: whichever order they are taken up in, the new one is served."""
    old = attached(certificate, web)
    middle = a_certificate(people.alice, root_ca, cn=HOST, replaces=[certificate])
    new = a_certificate(people.alice, root_ca, cn=HOST, replaces=[middle])
    successor = attached(new, web)
    assert service.deploy(old.pk) is False
    old.refresh_from_db()
    assert (old.state, OddDestination.held_by) == ("failed", {})
    assert f"{new.name} replaces this certificate" in old.last_error
    assert service.deploy(successor.pk) is True
    Certificate.objects.filter(pk=new.pk).update(status=Status.REVOKED)
    service.deliver_again(web, by=people.root)
    assert service.deploy(old.pk) is True


def test_two_are_not_put_in_one_place_at_the_same_time(people, root_ca, certificate, web, monkeypatch):
    old, taken = attached(certificate, web), []
    new = a_certificate(people.alice, root_ca, cn=HOST, replaces=[certificate])

    def successor_arrives(bundle):
        if bundle.certificate == certificate.parsed:
            taken.append(service.deploy(attached(new, web).pk))

    monkeypatch.setattr(OddDestination, "trouble", successor_arrives)
    assert service.deploy(old.pk) is True
    assert taken == [False]
    successor = new.deployments.get()
    assert (successor.state, successor.leased, successor.failures) == ("waiting", False, 0)
    assert service.deploy(successor.pk, now=clock() + timedelta(minutes=2)) is True
    assert OddDestination.held_by[HOST].certificate == new.parsed


def test_withdrawing_a_destination(people, certificate, web):
    delivered(certificate, web)
    with pytest.raises(Forbidden):
        service.withdraw(web, by=people.alice)
    service.withdraw(web, by=people.root)
    assert not Destination.objects.exists()
    assert not Deployment.objects.exists()
    assert events(certificate)[-1] == Event.CERTIFICATE_WITHDRAWN
    assert AuditEntry.objects.latest("pk").event == Event.DESTINATION_DELETED
    assert HOST in OddDestination.held_by, "what lies there stays"
