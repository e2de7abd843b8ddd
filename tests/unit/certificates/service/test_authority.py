"""Making and importing authorities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Role
from authorities import service as authorities
from authorities.models import Authority, Issuance
from certificates import service
from certificates.service.authority import CaSpec, NewAuthority
from core.errors import Conflict, Forbidden, Invalid
from core.models import StoredKey
from pki import lint
from tests.factories import a_certificate, an_authority
from tests.pki_material import as_pem, key_as_pem, material, p256

pytestmark = pytest.mark.django_db


def test_a_root_has_its_certificate_roles_and_profiles_at_once(people):
    root = an_authority(people.root, name="Root", owner="PKI@example.org".lower())
    own = root.own_certificates.get()
    assert (own.name, own.body, own.chain, own.authority) == ("Root", root.body, None, None)
    assert {role.name for role in root.roles.all()} == {"Root_admin", "Root_operator", "pki@example.org"}
    assert {profile.name for profile in root.profiles.all()} == {"server", "client", "server-and-client"}
    assert not [finding for finding in lint.lint(own.parsed) if finding.severity in ("ERROR", "FATAL")]


def test_the_creator_gets_no_role_by_it(people, settings):
    settings.ADMIN_ONLY_AUTHORITY_CREATION = False
    mine = an_authority(people.alice, name="Mine")
    with pytest.raises(Forbidden):
        a_certificate(people.alice, mine)


def test_an_intermediate_is_in_its_parents_ledger_and_chain(people, root_ca):
    lower = an_authority(people.root, name="Lower", parent=root_ca)
    own = lower.own_certificates.get()
    assert Issuance.objects.filter(authority=root_ca, serial=own.serial).exists()
    assert (lower.chain, lower.parent) == (root_ca.body, root_ca)
    assert lower.not_after <= root_ca.not_after


def test_an_intermediate_never_outlives_its_parent(people):
    now = datetime.now(UTC)
    root = an_authority(people.root, name="Short", validity_start=now, validity_end=now + timedelta(days=100))
    lower = an_authority(people.root, name="Lower", parent=root)
    assert lower.not_after == root.not_after
    with pytest.raises(Invalid):
        an_authority(people.root, name="Longer", parent=root, validity_years=5)


def test_path_lengths_count_down(people, root_ca):
    middle = an_authority(people.root, name="Middle", parent=root_ca, path_length=1)
    lower = an_authority(people.root, name="Lower", parent=middle)
    with pytest.raises(Invalid) as caught:
        an_authority(people.root, name="Lowest", parent=lower)
    assert "parent" in caught.value.reasons
    with pytest.raises(Invalid) as caught:
        an_authority(people.root, name="Wider", parent=middle, path_length=1)
    assert "path_length" in caught.value.reasons


def test_who_may_make_one(people, root_ca, settings):
    with pytest.raises(Forbidden, match="You are not allowed to create a new authority"):
        an_authority(people.alice, name="X")
    settings.ADMIN_ONLY_AUTHORITY_CREATION = False
    with pytest.raises(Forbidden, match="You are not authorized to use the specified parent authority"):
        an_authority(people.charlie, name="X", parent=root_ca)


def test_a_taken_name_takes_over_nothing(people, root_ca):
    roles = set(root_ca.roles.all())
    with pytest.raises(Conflict, match="Authority with name Root already exists"):
        an_authority(people.root, name="Root")
    assert set(root_ca.roles.all()) == roles
    Role.objects.create(name="Other_admin")
    before = StoredKey.objects.count()
    with pytest.raises(Conflict):
        an_authority(people.root, name="Other")
    assert (StoredKey.objects.count(), Authority.objects.filter(name="Other").exists()) == (before, False)


class TestImport:
    def bring(self, by, parent=None, **changes):
        made = material()
        given = {
            "body": made.intermediate.pem,
            "chain": as_pem(made.root.certificate),
            "private_key": made.intermediate.key_pem,
        }
        return service.import_authority(
            NewAuthority(name="Old", owner="pki@example.org", parent=parent), by=by, **{**given, **changes}
        )

    def test_it_signs_at_once(self, people):
        old = self.bring(people.root)
        made = a_certificate(people.root, old)
        assert made.issuers == [material().intermediate.certificate, material().root.certificate]

    def test_a_leaf_is_no_authority(self, people):
        with pytest.raises(Invalid) as caught:
            self.bring(people.root, body=material().leaf.pem, chain="", private_key=material().leaf.key_pem)
        assert "CA:TRUE" in caught.value.reasons["body"]

    def test_a_foreign_key(self, people):
        with pytest.raises(Invalid):
            self.bring(people.root, private_key=key_as_pem(p256()))
        assert not Authority.objects.exists()

    def test_without_the_way_to_a_root(self, people):
        with pytest.raises(Invalid) as caught:
            self.bring(people.root, chain="")
        assert "root" in caught.value.reasons["chain"]

    def test_under_a_parent_that_did_not_sign_it(self, people, root_ca):
        for chain in ("", as_pem(material().root.certificate)):
            with pytest.raises(Invalid) as caught:
                self.bring(people.root, chain=chain, parent=root_ca)
            assert "parent" in caught.value.reasons

    def test_under_its_parent_the_chain_is_known(self, people):
        made = material()
        root = service.import_authority(
            NewAuthority(name="Up", owner="pki@example.org"),
            body=made.root.pem,
            private_key=made.root.key_pem,
            by=people.root,
        )
        assert self.bring(people.root, chain="", parent=root).issuers == [made.root.certificate]

    def test_a_parent_that_is_ours_is_recognised(self, people):
        made = material()
        root = service.import_authority(
            NewAuthority(name="Up", owner="pki@example.org"),
            body=made.root.pem,
            private_key=made.root.key_pem,
            by=people.root,
        )
        assert self.bring(people.root).parent == root


def test_a_new_owner_takes_the_place_of_the_old_one(people, root_ca):
    authorities.update(root_ca, by=people.root, owner="New@Example.org", roles=[people.team])
    assert {role.name for role in root_ca.roles.all()} == {"new@example.org", "Root_admin", "Root_operator", "team-web"}


def test_names_leave_room_for_the_roles(people):
    new = NewAuthority(name="x" * 120, owner="pki@example.org")
    with pytest.raises(Invalid) as caught:
        service.create_authority(new, CaSpec(common_name="X"), by=people.root)
    assert "name" in caught.value.reasons


def test_a_root_on_the_29th_of_february(people):
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    new = NewAuthority(name="Leap", owner="pki@example.org")
    assert service.create_authority(new, CaSpec(common_name="Leap CA"), by=people.root, now=leap).not_before == leap


def test_fifty_years_are_fifty_years(people):
    root = an_authority(people.root, name="Old", validity_years=50)
    assert an_authority(people.root, name="Lower", parent=root, validity_years=30)


def test_a_parent_whose_key_is_elsewhere_signs_nothing(people, root_ca):
    Authority.objects.filter(pk=root_ca.pk).update(private_key=None)
    root_ca.refresh_from_db()
    with pytest.raises(Invalid) as caught:
        an_authority(people.root, name="Lower", parent=root_ca)
    assert "parent" in caught.value.reasons
