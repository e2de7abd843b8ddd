"""The rules as querysets: what holds for one object holds for lists, has_perm and services alike."""

from __future__ import annotations

import pytest

from accounts.models import READ_ONLY, Role
from accounts.permissions import users
from certificates.models import Certificate
from certificates.permissions import permissions
from core.errors import Forbidden
from core.permissions import Permissions
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(people, root_ca):
    return a_certificate(people.alice, root_ca, roles=[people.team])


def names(user, action):
    return {row.name for row in permissions.allowed(user, action)}


def test_everybody_sees_owners_and_role_holders_change(people, hers):
    assert all(hers.name in names(user, "view") for user in (people.alice, people.bob, people.charlie, people.dora))
    assert hers.name in names(people.alice, "change") & names(people.bob, "change") & names(people.root, "change")
    assert hers.name not in names(people.charlie, "change")


def test_two_roles_do_not_double_a_row(people, hers):
    second = Role.objects.create(name="second")
    people.bob.roles.add(second)
    hers.roles.add(second)
    people.bob.refresh_from_db()
    assert permissions.allowed(people.bob, "change").filter(pk=hers.pk).count() == 1


def test_has_perm_and_require_ask_the_same_rule(people, hers):
    assert people.bob.has_perm("certificates.change_certificate", hers)
    assert not people.charlie.has_perm("certificates.change_certificate", hers)
    with pytest.raises(Forbidden, match="You may not change"):
        permissions.require(people.charlie, "change", hers)


def test_a_lost_role_counts_at_once(people, hers):
    people.bob.roles.clear()
    people.bob.refresh_from_db()
    assert not permissions.can(people.bob, "change", hers)


def test_read_only_people_and_tokens_never_write(people, hers):
    people.alice.token_is_read_only = True
    assert not permissions.can(people.alice, "change", hers)
    people.root.roles.add(Role.objects.get(name=READ_ONLY))
    people.root.refresh_from_db()
    assert not permissions.can(people.root, "change", hers)
    assert permissions.can(people.root, "view", hers)


def test_a_ca_key_is_out_of_everybodys_reach(people, root_ca):
    own = root_ca.own_certificates.get()
    people.root.is_superuser = True
    assert not permissions.can(people.root, "reveal_key", own)
    assert not permissions.can(people.root, "export", own)
    assert own not in permissions.allowed(people.root, "reveal_key")


def test_inactive_and_anonymous_people_may_nothing(people, hers):
    people.root.is_active = False
    assert not permissions.can(people.root, "view", hers)
    assert not permissions.allowed(people.root, "view").exists()


def test_strict_mode_keeps_writing_to_operators(people, settings):
    settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
    for action in ("create", "upload", "reissue"):
        assert not permissions.can(people.alice, action)
        assert permissions.can(people.olga, action)


def test_in_strict_mode_one_keeps_what_one_is_responsible_for(people, hers, settings):
    settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
    for action in ("change", "delete", "replace", "export", "reveal_key", "revoke"):
        assert permissions.can(people.alice, action, hers)
        assert not permissions.can(people.charlie, action, hers)
    people.alice.token_is_read_only = True
    assert not permissions.can(people.alice, "change", hers)


def test_rules_say_who_may():
    assert permissions.rules["view"].words == "Everybody who is logged in."
    assert permissions.rules["create"].words == "Everybody who is logged in. Nobody who only reads."
    assert users.rules["change"].words == "Administrators. Nobody who only reads."
    assert permissions.rules["revoke"].words == (
        "The owner, holders of one of the certificate's roles, and its creator until it is handed over. "
        "Administrators, too. Nobody who only reads."
    )
    unsaid = [
        f"{model.__name__} {action}"
        for model, rules in Permissions.by_model.items()
        for action, rule in rules.rules.items()
        if not rule.condition.__doc__
    ]
    assert not unsaid


def test_rules_that_allow_everything_cost_no_query(people, hers, django_assert_num_queries):
    people.root.role_names  # noqa: B018  read once per request
    with django_assert_num_queries(0):
        assert permissions.can(people.root, "change", hers)
        assert permissions.can(people.root, "create")


def test_all_that_may_be_done_is_what_each_rule_says_and_one_statement(
    people, hers, root_ca, django_assert_num_queries
):
    for row in (hers, Certificate.objects.get(root_authority=root_ca)):
        for user in (people.alice, people.bob, people.charlie, people.dora, people.root):
            each = {action for action in permissions.rules if permissions.can(user, action, row)}
            with django_assert_num_queries(0 if user is people.dora else 1):
                assert permissions.actions(user, row) == each
    Certificate.objects.filter(pk=hers.pk).delete()
    assert permissions.actions(people.alice, hers) == {"view", "create", "upload"}
