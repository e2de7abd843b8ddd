"""Destinations, notifications and policies of certificates: in orders, uploads and changes."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Certificate, Deployment, RotationPolicy
from core.audit import Event
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry
from notifications.models import Notification
from plugins import Temporary
from stores.models import Destination, Source
from tests import odd_stores
from tests.factories import a_certificate
from tests.pki_material import material
from tests.unit.certificates.service.test_issuance import a_csr

pytestmark = pytest.mark.django_db


@pytest.fixture
def places(people, monkeypatch) -> list[Destination]:
    """One that needs the key, and one that does not."""
    odd_stores.register(monkeypatch)
    return [_destination("web"), _destination("list", keyless=True)]


def _destination(label: str, **options: object) -> Destination:
    made = Destination(label=label)
    made.configure("odd-destination", options)
    made.save()
    return made


def reload(certificate: Certificate) -> Certificate:
    return Certificate.objects.get(pk=certificate.pk)


class TestDestinations:
    def test_of_an_order(self, people, root_ca, places):
        made = a_certificate(people.alice, root_ca, destinations=places)
        assert {(d.destination, d.state) for d in Deployment.objects.filter(certificate=made)} == {
            (place, "waiting") for place in places
        }

    def test_that_need_a_key_which_is_elsewhere(self, people, root_ca, places):
        csr, _ = a_csr("www.example.org")
        asked = {"by": people.alice, "authority": root_ca, "owner": "a@example.org", "csr": csr}
        with pytest.raises(Invalid, match="Unable to add destination: web"):
            service.create(**asked, destinations=places)
        assert service.create(**asked, destinations=places[1:]).destinations.get() == places[1]

    def test_of_an_upload(self, people, places):
        leaf = material().leaf
        given = {"by": people.alice, "owner": "a@example.org", "body": leaf.pem}
        with pytest.raises(Invalid) as caught:
            service.upload(**given, destinations=places)
        assert caught.value.reasons == {"Schema": {"rule": ["Destinations require private key."]}}
        made = service.upload(**given, private_key=leaf.key_pem, destinations=places)
        assert set(made.destinations.all()) == set(places)

    def test_two_of_one_account(self, people, root_ca, places):
        two = [_destination(label, accountNumber="1") for label in "ab"]
        for call in (
            lambda: a_certificate(people.alice, root_ca, destinations=two),
            lambda: service.update(a_certificate(people.alice, root_ca).pk, by=people.alice, destinations=two),
        ):
            with pytest.raises(Invalid, match="Duplicate destinations"):
                call()

    def test_added_and_taken_away(self, people, root_ca, places):
        made = a_certificate(people.alice, root_ca, destinations=places[:1])
        service.update(made.pk, by=people.alice, destinations=places[1:])
        assert list(made.destinations.all()) == places[1:]
        events = AuditEntry.objects.filter(target_id=made.pk, target_type="certificates.certificate")
        assert [one.event for one in events][:2] == [Event.CERTIFICATE_WITHDRAWN, Event.CERTIFICATE_UPDATED]

    def test_one_that_does_not_let_go_stays_and_the_rest_is_saved(self, people, root_ca, places, monkeypatch):
        made = a_certificate(people.alice, root_ca, destinations=places)
        for deployment in made.deployments.all():
            service.deploy(deployment.pk)
        monkeypatch.setattr(odd_stores.OddDestination, "trouble", Temporary("no route"))
        with pytest.raises(Invalid, match="Edit Successful except -\n\n Failed to remove destination: web"):
            service.update(made.pk, by=people.alice, destinations=places[1:], description="new")
        assert (reload(made).description, set(made.destinations.all())) == ("new", set(places))

    def test_nothing_is_taken_away_for_those_who_may_not(self, people, root_ca, places):
        made, foreign = a_certificate(people.alice, root_ca, destinations=places), a_certificate(people.root, root_ca)
        with pytest.raises(Forbidden):
            service.update(made.pk, by=people.charlie, destinations=[])
        with pytest.raises(Forbidden):
            service.update(made.pk, by=people.alice, destinations=[], replaces=[foreign])
        with pytest.raises(NotFound):
            service.update(987654, by=people.root, destinations=[])
        assert made.destinations.count() == 2

    def test_nothing_is_taken_away_by_a_change_that_is_refused(self, people, root_ca, places):
        made = a_certificate(people.alice, root_ca, destinations=places[:1])
        service.deploy(made.deployments.get().pk)
        two = [_destination(label, accountNumber="1") for label in "ab"]
        keyless = a_certificate(people.alice, root_ca, destinations=places[1:], csr=a_csr("www.example.org")[0])
        service.deploy(keyless.deployments.get().pk)
        held = dict(odd_stores.OddDestination.held_by)
        for certificate, changes in (
            (made, {"destinations": two}),
            (made, {"destinations": [], "replaces": [made]}),
            (keyless, {"destinations": places[:1]}),
        ):
            with pytest.raises(Invalid):
                service.update(certificate.pk, by=people.alice, **changes)
            assert certificate.destinations.count() == 1
        assert odd_stores.OddDestination.held_by == held != {}

    def test_whoever_hands_it_over_can_take_it_away_with_that(self, people, root_ca, places):
        made = a_certificate(people.alice, root_ca, destinations=places)
        service.update(made.pk, by=people.alice, owner="other@example.org", destinations=[])
        assert not made.destinations.exists()

    def test_stay_with_a_renewal(self, people, root_ca, places):
        made = a_certificate(people.alice, root_ca, destinations=places)
        assert set(service.reissue_certificate(made, user=people.alice).destinations.all()) == set(places)


class TestNotifications:
    @pytest.mark.parametrize(
        ("owner", "label", "new"),
        [("joe@example.org", "DEFAULT_JOEL_30_DAY", "ann@example.org"), ("team", "mine", "ann@example.org")],
        ids=["of a longer name", "of no address"],
    )
    def test_of_others_than_the_old_owner_stay(self, people, root_ca, owner, label, new):
        other = Notification.objects.create(label=label, plugin="none")
        made = a_certificate(people.alice, root_ca, owner="joe@example.org", notifications=[other])
        Certificate.objects.filter(pk=made.pk).update(owner=owner)
        service.update(made.pk, by=people.root, owner=new)
        assert {one.label for one in made.notifications.all()} == {
            label, *(f"DEFAULT_ANN_{day}_DAY" for day in (30, 15, 2)),
        }  # fmt: skip

    def test_of_a_longer_name_are_not_the_owners_defaults(self, people, root_ca):
        longer = [
            Notification.objects.create(label=f"DEFAULT_{name}_30_DAY", plugin="none") for name in ("JOEL", "JOE_SMITH")
        ]
        made = a_certificate(people.alice, root_ca, owner="joe@example.org")
        service.update(made.pk, by=people.root, notifications=longer)
        assert {"DEFAULT_JOE_30_DAY", "DEFAULT_JOEL_30_DAY"} <= {one.label for one in made.notifications.all()}

    def test_the_defaults_of_the_owner_unless_others_are_named(self, people, root_ca):
        mine = Notification.objects.create(label="mine", plugin="none")
        usual, named = a_certificate(people.alice, root_ca), a_certificate(people.alice, root_ca, notifications=[mine])
        assert {one.label for one in usual.notifications.all()} == {f"DEFAULT_ALICE_{day}_DAY" for day in (30, 15, 2)}
        assert list(named.notifications.all()) == [mine]

    def test_a_new_owner_brings_their_own(self, people, root_ca):
        mine = Notification.objects.create(label="mine", plugin="none")
        made = a_certificate(people.alice, root_ca)
        made.notifications.add(mine)
        service.update_owner(made, {"owner": "new@example.org"}, by=people.alice)
        assert {one.label for one in made.notifications.all()} == {
            "mine",
            *(f"DEFAULT_NEW_{day}_DAY" for day in (30, 15, 2)),
        }

    def test_watch(self, people, root_ca):
        mine = Notification.objects.create(label="mine", plugin="none", creator=people.alice)
        one, foreign = a_certificate(people.alice, root_ca), a_certificate(people.root, root_ca, cn="f.example.org")
        service.watch(mine, add=[one], by=people.alice)
        assert list(mine.certificates.all()) == [one]
        with pytest.raises(Forbidden):
            service.watch(mine, add=[foreign], by=people.alice)
        with pytest.raises(Forbidden):
            service.watch(mine, remove=[one], by=people.charlie)
        service.watch(mine, remove=[one], by=people.alice)
        assert not mine.certificates.exists()


def test_policies_switches_and_descriptions(people, root_ca):
    policy = RotationPolicy.objects.create(name="week", days=7)
    made = a_certificate(people.alice, root_ca, rotation_policy=policy, rotation=True)
    assert made.rotation_policy == policy
    assert a_certificate(people.alice, root_ca).rotation_policy.name == "default"
    service.update(made.pk, by=people.alice, rotation_policy=RotationPolicy.usual())
    service.update_switches(made, rotation_flag=False, by=people.alice)
    service.update_description(made, "said", by=people.alice)
    found = reload(made)
    assert (found.rotation_policy.name, found.notify, found.rotation, found.description) == (
        "default",
        True,
        False,
        "said",
    )


def test_a_found_one_knows_its_source(people, settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = ["sec@example.org"]
    source = Source.objects.create(label="scan", plugin="none")
    made = service.import_certificate(body=material().leaf.pem, sources=[source])
    assert (made.owner, list(made.sources.all())) == ("sec@example.org", [source])


def test_domains(people, root_ca):
    made = service.create_domain("Shop.Example.org", by=people.alice)
    assert (made.name, made.sensitive) == ("shop.example.org", False)
    assert service.create_domain("2001:DB8::1", by=people.alice).name == "2001:db8::1"
    with pytest.raises(Conflict):
        service.create_domain("shop.example.org", by=people.bob)
    for person, sensitive in ((people.dora, False), (people.alice, True)):
        with pytest.raises(Forbidden):
            service.create_domain("x.example.org", sensitive=sensitive, by=person)
    with pytest.raises(Invalid) as caught:
        service.create_domain("a b", by=people.alice)
    assert set(caught.value.reasons) == {"name"}
    assert service.create_domain("bank.example.org", sensitive=True, by=people.root).sensitive
    with pytest.raises(Invalid, match="marked as sensitive"):
        a_certificate(people.alice, root_ca, cn="bank.example.org")
