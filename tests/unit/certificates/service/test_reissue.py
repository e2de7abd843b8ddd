"""Renewing: the same certificate again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now as clock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.service import acting, system_user
from authorities.models import Profile
from certificates import service
from certificates.models import Certificate, Order
from certificates.service.issuance import place_order
from core.errors import Conflict, Forbidden, Invalid, Precondition
from notifications.models import Notification
from pki.extensions import PURPOSES
from pki.keys import KEY_SPECS
from tests import pki_material
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
# The six keys of the original, the rest of 26, and ours.
SEED_KEYS = {
    "authority", "cn", "common_name", "country", "csr", "description", "destinations", "dns_provider", "extensions",
    "key_type", "location", "not_after", "not_before", "notifications", "notify", "organization", "organizational_unit",
    "owner", "replacements", "replaces", "roles", "rotation", "rotation_policy", "state", "validity_end", "validity_start",
}  # fmt: skip


class TestRange:
    def test_from_now_for_as_long(self):
        assert service.calculate_reissue_range(NOW - timedelta(days=90), NOW, now=NOW) == (
            NOW,
            NOW + timedelta(days=90),
        )

    def test_positions_as_in_the_seed(self):
        start, end = service.calculate_reissue_range(NOW, NOW + timedelta(days=10))
        assert end - start == timedelta(days=10)

    def test_no_longer_than_a_public_authority_may(self, root_ca, settings):
        root_ca.cab_compliant = True
        start, end = service.calculate_reissue_range(NOW, NOW + timedelta(days=900), root_ca, now=NOW)
        assert end - start == timedelta(days=397)

    def test_never_beyond_the_authority(self, root_ca):
        late = root_ca.not_after - timedelta(days=5)
        assert service.calculate_reissue_range(NOW, NOW + timedelta(days=90), root_ca, now=late)[1] == root_ca.not_after

    def test_the_default_for_renewals_where_the_site_wants_it(self, root_ca, settings):
        asked = (NOW, NOW + timedelta(days=10), root_ca, True)
        assert service.calculate_reissue_range(*asked, now=NOW)[1] == NOW + timedelta(days=10)
        settings.LEMUR_AUTOROTATION_USE_DEFAULT_VALIDITY = True
        assert service.calculate_reissue_range(*asked, now=NOW)[1] == NOW + timedelta(days=365)

    def test_no_end_on_a_weekend(self, settings):
        settings.LEMUR_ALLOW_WEEKEND_EXPIRATION = False
        for days in range(1, 15):
            end = service.calculate_reissue_range(NOW, NOW + timedelta(days=days), now=NOW)[1]
            assert end.weekday() < 5


class TestPrimitives:
    def test_the_keys_of_lemur(self, people, root_ca):
        found = service.get_certificate_primitives(a_certificate(people.alice, root_ca))
        assert set(found) == SEED_KEYS | {"profile", "tags"}
        assert found["csr"] is None
        assert found["cn"] == found["common_name"] == "www.example.org"

    @pytest.mark.parametrize("profile", ["server", "client", "server-and-client"])
    @pytest.mark.parametrize("key_type", ["ECCPRIME256V1", "ECCSECP521R1", "ED25519", "RSA2048"])
    def test_are_closed_under_create(self, people, root_ca, profile, key_type):
        old = a_certificate(
            people.alice, root_ca, profile=profile, key_type=key_type, organization="Example Inc", state="Bayern"
        )
        new = service.create(by=people.alice, **service.get_certificate_primitives(old))
        again = service.create(by=people.alice, **service.get_certificate_primitives(new))
        for one in (new, again):
            assert one.key_type == key_type
            assert one.facts.names == old.facts.names
            assert one.facts.extensions.extended_key_usage == old.facts.extensions.extended_key_usage
            assert one.facts.extensions.key_usage == old.facts.extensions.key_usage
            assert one.subject == old.subject
            assert one.order.profile == profile
            assert one.spki_sha256 != old.spki_sha256
            assert abs(one.validity_range - old.validity_range) <= timedelta(seconds=1)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        names=st.lists(
            st.sampled_from(["a.example.org", "*.b.example.org", "xn--mnchen-3ya.example.org", "10.0.0.1", "2001:db8::1"]),
            min_size=1, unique=True,
        ),
        days=st.integers(1, 825),
        common_name=st.sampled_from(["", "a.example.org", "A person", "10.0.0.1"]),
        subject=st.fixed_dictionaries({}, optional={"organization": st.sampled_from(["", "Ünï GmbH"]), "country": st.just("DE")}),
    )  # fmt: skip
    def test_whatever_was_ordered_can_be_ordered_again(self, people, root_ca, names, days, common_name, subject):
        kinds = {True: "IPAddress", False: "DNSName"}
        wanted = [{"name_type": kinds[name[0] in "12"], "value": name} for name in names]
        old = service.create(
            by=people.alice, authority=root_ca, owner="a@example.org", common_name=common_name,
            extensions={"sub_alt_names": {"names": wanted}}, **subject,
            validity_start=datetime.now(UTC), validity_end=datetime.now(UTC) + timedelta(days=days),
        )  # fmt: skip
        new = service.create(by=people.alice, **service.get_certificate_primitives(old))
        assert (new.facts.names, new.subject) == (old.facts.names, old.subject)

    def test_of_one_that_another_key_holder_ordered(self, people, root_ca):
        key = pki_material.p256()
        from tests.unit.certificates.service.test_issuance import a_csr

        csr, _ = a_csr("www.example.org", key=key)
        old = service.create(by=people.alice, authority=root_ca, owner="a@example.org", csr=csr)
        new = service.create(by=people.alice, **service.get_certificate_primitives(old))
        assert not old.has_private_key
        assert new.has_private_key
        assert new.facts.names == old.facts.names

    def test_of_an_uploaded_one_the_profile_that_fits(self, people, root_ca):
        leaf = pki_material.material().leaf
        old = service.upload(by=people.alice, owner="a@example.org", body=leaf.pem, authority=root_ca)
        assert service.get_certificate_primitives(old)["profile"] in {"server", "client", "server-and-client"}
        assert isinstance(service.create(by=people.alice, **service.get_certificate_primitives(old)), Certificate)

    def test_an_order_from_nobody(self, people):
        leaf = pki_material.material().leaf
        old = service.upload(by=people.alice, owner="a@example.org", body=leaf.pem)
        with pytest.raises(Invalid, match="Missing Authority"):
            service.get_certificate_primitives(old)

    def test_no_profile_fits_any_more(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        root_ca.profiles.set(Profile.objects.filter(name="client"))
        with pytest.raises(Invalid) as caught:
            service.get_certificate_primitives(old)
        assert "profile" in caught.value.reasons
        assert PURPOSES["client_authentication"] not in (old.facts.extensions.extended_key_usage or ())

    def test_keys_of_a_kind_that_is_offered_no_more(self, people, root_ca):
        old = a_certificate(people.alice, root_ca, key_type="RSA2048")
        Profile.objects.filter(name="server").update(key_types=["ECCSECP384R1"])
        assert service.get_certificate_primitives(old)["key_type"] == "ECCSECP384R1"
        Profile.objects.filter(name="server").update(key_types=sorted(KEY_SPECS))
        assert service.get_certificate_primitives(old)["key_type"] == "RSA2048"


class TestReissue:
    def test_what_stays(self, people, root_ca):
        told = Notification.objects.create(label="told", plugin="none")
        old = a_certificate(
            people.alice, root_ca, owner="team@example.org", roles=[people.team], notifications=[told], rotation=True,
            key_type="ECCSECP384R1", description="the shop",
        )  # fmt: skip
        new = service.reissue_certificate(old, user=people.bob)
        assert (new.owner, new.key_type, new.rotation, new.rotation_policy) == (
            old.owner, old.key_type, True, old.rotation_policy,
        )  # fmt: skip
        assert set(new.roles.all()) == set(old.roles.all())
        assert list(new.notifications.all()) == [told]
        assert new.description == f"Reissued by Lemur for cert ID {old.pk}, the shop"
        assert new.name != old.name
        assert new.order.reissues == old
        assert list(new.replaces.all()) == []
        assert new.user == people.bob

    def test_of_several_renewals_only_the_last_is_mentioned(self, people, root_ca):
        first = a_certificate(people.alice, root_ca, description="x" * 1024)
        second = service.reissue_certificate(first, user=people.alice)
        third = service.reissue_certificate(second, user=people.alice)
        assert third.description.startswith(f"Reissued by Lemur for cert ID {second.pk}, xxx")
        assert third.description.count("Reissued") == 1
        assert len(third.description) == 1024

    def test_positions_as_in_the_seed(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        new = service.reissue_certificate(old, True, people.alice)  # noqa: FBT003  as its users call it
        old.refresh_from_db()
        assert (list(new.replaces.all()), old.notify) == ([old], False)

    def test_without_a_user_the_creator_stays(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        assert acting(None) == system_user()
        new = service.reissue_certificate(old)
        assert (new.user, new.handed_over) == (people.alice, False)
        service.update(old.pk, by=people.alice, owner="other@example.org")
        handed = service.reissue_certificate(Certificate.objects.get(pk=old.pk))
        assert (handed.user, handed.handed_over) == (people.alice, True)

    @pytest.mark.parametrize("state", ["waiting", "unknown"])
    def test_only_one_order_at_a_time(self, people, root_ca, state):
        old = a_certificate(people.alice, root_ca)
        done = service.reissue_certificate(old, user=people.alice)
        Order.objects.filter(certificate=done).update(state=state)
        before = Order.objects.count()
        with pytest.raises(Conflict, match="open already"):
            service.reissue_certificate(old, user=people.alice)
        assert Order.objects.count() == before

    @pytest.mark.parametrize("state", ["waiting", "unknown"])
    def test_the_database_sees_to_it(self, people, root_ca, state):
        old = a_certificate(people.alice, root_ca)
        done = service.reissue_certificate(old, user=people.alice)
        Order.objects.filter(certificate=done).update(state=state)
        fields = {"authority": root_ca, "owner": "a@example.org", "common_name": "www.example.org"}
        with pytest.raises(Conflict, match="open already"):
            place_order(fields, by=people.alice, now=clock(), reissues=old)

    def test_refusals(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        for person in (people.charlie, people.dora):
            with pytest.raises(Forbidden):
                service.reissue_certificate(old, user=person)
        own = Certificate.objects.get(root_authority=root_ca)
        with pytest.raises(Precondition):
            service.reissue_certificate(own, user=people.root)
        service.delete(old.pk, by=people.alice)
        with pytest.raises(Precondition):
            service.reissue_certificate(Certificate.objects.get(pk=old.pk), user=people.alice)


class TestByAnotherAuthority:
    @pytest.fixture
    def old(self, people, root_ca):
        return a_certificate(people.alice, root_ca)

    def test_the_one_that_the_site_names(self, people, root_ca, issuing_ca, old, settings):
        settings.ROTATE_AUTHORITY_TRANSLATION = {root_ca.pk: issuing_ca.pk}
        assert service.get_certificate_primitives(old)["authority"] == root_ca
        new = service.reissue_certificate(old, user=people.alice)
        assert new.authority == issuing_ca
        again = service.reissue_certificate(new, user=people.alice)
        assert again.authority == issuing_ca

    def test_it_takes_the_right_to_use_it(self, people, root_ca, old, settings):
        other = an_authority(people.root, name="Other")
        settings.ROTATE_AUTHORITY_TRANSLATION = {root_ca.pk: other.pk}
        with pytest.raises(Forbidden, match="You are not authorized to use the authority: Other"):
            service.reissue_certificate(old, user=people.alice)

    def test_its_profiles_and_limits_count(self, people, root_ca, issuing_ca, old, settings):
        settings.ROTATE_AUTHORITY_TRANSLATION = {root_ca.pk: issuing_ca.pk}
        type(issuing_ca).objects.filter(pk=issuing_ca.pk).update(cab_compliant=True)
        settings.PUBLIC_CA_MAX_VALIDITY_DAYS = 20
        issuing_ca.profiles.set(Profile.objects.filter(name="server-and-client"))
        new = service.reissue_certificate(old, user=people.alice)
        assert new.validity_range == timedelta(days=20)
        assert Order.objects.get(certificate=new).profile == "server-and-client"

    def test_one_that_is_not_there(self, people, root_ca, old, settings, client):
        settings.ROTATE_AUTHORITY_TRANSLATION = {root_ca.pk: 987}
        with pytest.raises(Precondition, match="ROTATE_AUTHORITY_TRANSLATION names the authority 987"):
            service.reissue_certificate(old, user=people.alice)
        client.force_login(people.alice)
        assert "names the authority 987" in client.get(f"/certificates/{old.pk}/reissue").content.decode()
