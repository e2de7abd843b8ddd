"""Logging in, tokens, users and roles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now as clock

from accounts import service
from accounts.models import ApiKey, FailedLogin, Role, User
from core.audit import Event, acting_as
from core.errors import Conflict, Forbidden, Invalid, Throttled
from core.models import AuditEntry
from tests.people import PASSWORD

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def events():
    return list(AuditEntry.objects.values_list("event", flat=True))


def test_the_right_password_logs_in(people):
    assert service.log_in("alice", PASSWORD, address="192.0.2.1") == people.alice
    assert Event.LOGIN_SUCCEEDED in events()


def test_a_wrong_one_is_refused_and_remembered(people):
    with pytest.raises(Forbidden, match="The supplied credentials are invalid"):
        service.log_in("alice", "wrong", address="192.0.2.1", now=NOW)
    assert Event.LOGIN_FAILED in events()
    assert "wrong" not in str(AuditEntry.objects.first().__dict__)


def test_too_many_tries_from_one_address_lock_it_for_five_minutes(people, settings):
    settings.LOGIN_ATTEMPTS = 3
    for _ in range(3):
        with pytest.raises(Forbidden):
            service.log_in("alice", "wrong", address="192.0.2.1", now=NOW)
    with pytest.raises(Throttled):
        service.log_in("alice", PASSWORD, address="192.0.2.1", now=NOW)
    assert service.log_in("alice", PASSWORD, address="192.0.2.2", now=NOW)
    assert service.log_in("alice", PASSWORD, address="192.0.2.1", now=NOW + timedelta(minutes=5, seconds=1))


def test_old_failures_are_forgotten(people):
    FailedLogin.objects.create(address="192.0.2.9", at=NOW - timedelta(hours=1))
    with pytest.raises(Forbidden):
        service.log_in("alice", "wrong", address="192.0.2.1", now=NOW)
    assert FailedLogin.objects.filter(address="192.0.2.9").count() == 0


def test_nobody_is_system_by_password(people):
    with pytest.raises(Forbidden):
        service.log_in("system", "", address="192.0.2.1")


def test_a_token_opens_until_it_expires_or_is_revoked(people):
    key, token = service.create_api_key(user=people.alice, name="deploy", days=1, by=people.alice)
    assert service.use_token(token).user == people.alice
    assert token not in ApiKey.objects.get(pk=key.pk).digest
    with pytest.raises(Forbidden, match="expired"):
        service.use_token(token, now=key.expires_at)
    service.revoke_api_key(key, by=people.alice)
    with pytest.raises(Forbidden, match="revoked"):
        service.use_token(token)


def test_a_log_in_clears_away_those_of_the_person_that_are_over(people):
    now = clock()
    over, others = service.log_in_token(people.alice), service.log_in_token(people.bob)
    key, _ = service.create_api_key(user=people.alice, name="deploy", days=1, by=people.alice)
    ApiKey.objects.update(expires_at=now - timedelta(seconds=1))
    valid, newest = service.log_in_token(people.alice), service.log_in_token(people.alice)
    assert {service.use_token(token).user for token in (valid, newest)} == {people.alice}
    with pytest.raises(Forbidden, match="invalid"):
        service.use_token(over)
    with pytest.raises(Forbidden, match="expired"):
        service.use_token(others)
    assert ApiKey.objects.filter(pk=key.pk).exists()


@pytest.mark.parametrize("token", ["", " ", "null", "nonsense", "\x00"])
def test_what_is_no_token_opens_nothing(people, token):
    with pytest.raises(Forbidden, match="Token is invalid"):
        service.use_token(token)


def test_a_person_who_was_switched_off_is_out_at_once(people):
    token = service.log_in_token(people.bob)
    service.update_user(people.bob, is_active=False, by=people.root)
    with pytest.raises(Forbidden):
        service.use_token(token)


def test_a_read_only_token_says_so(people):
    _, token = service.create_api_key(user=people.alice, name="look", read_only=True, by=people.alice)
    assert service.use_token(token).user.is_read_only


@pytest.mark.parametrize("days", [0, -2, 40_000])
def test_a_life_that_makes_no_sense_is_refused(people, days):
    with pytest.raises(Invalid):
        service.create_api_key(user=people.alice, name="x", days=days, by=people.alice)


def test_nobody_makes_tokens_for_others(people):
    with pytest.raises(Forbidden, match="You are not authorized to create tokens for: alice"):
        service.create_api_key(user=people.alice, name="x", by=people.charlie)


def test_only_administrators_make_people(people):
    with pytest.raises(Forbidden):
        service.create_user(username="eve", email="eve@example.org", by=people.alice)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("username", "a b/c"), ("email", "nobody"), ("password", "short")],
)
def test_a_bad_person_is_refused_by_field(people, field, wrong):
    given = {"username": "eve", "email": "eve@example.org", "password": PASSWORD, field: wrong}
    with pytest.raises(Invalid) as caught:
        service.create_user(**given, by=people.root)
    assert field in caught.value.reasons


def test_names_and_addresses_are_unique(people):
    with pytest.raises(Conflict):
        service.create_user(username="alice", email="other@example.org", by=people.root)


def test_a_role_is_never_taken_over(people):
    with pytest.raises(Conflict):
        service.create_role("team-web", by=people.root)


def test_an_owners_role_is_made_once(people):
    first = service.ensure_owner_role("Team@Example.org", by=people.alice)
    assert service.ensure_owner_role("team@example.org", by=people.alice) == first
    assert first.description == "Auto generated role based on owner: team@example.org"


def test_who_acts(people):
    assert service.acting(people.bob).username == "bob"
    assert service.acting(None, people.bob).username == "bob"
    assert service.acting(None).username == "system"
    with acting_as(kind="request", user=people.alice):
        assert service.acting(None) == people.alice
    with acting_as(kind="request"), pytest.raises(Forbidden):
        service.acting(None)


def test_the_first_admin_is_made_once(db):
    password = service.create_first_admin()
    assert service.log_in("admin", password, address="127.0.0.1").is_administrator
    assert service.create_first_admin() is None


def test_built_in_roles_exist(db):
    assert set(Role.objects.values_list("name", flat=True)) == {"admin", "operator", "read-only", "global_cert_issuer"}
    assert not User.objects.get(username="system").has_usable_password()


class TestStrictMode:
    """Everybody holds a role that says what they may do, whichever way roles are given and taken."""

    @pytest.fixture(autouse=True)
    def strict(self, people, settings):
        settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True

    @pytest.fixture
    def operators(self, people):
        return Role.objects.get(name="operator")

    def test_the_roles_of_a_person(self, people):
        with pytest.raises(Invalid) as refused:
            service.set_roles(people.olga, [people.team], by=people.root)
        assert refused.value.reasons == {"roles": "Everybody needs one of the roles admin, operator, read-only."}
        assert [role.name for role in people.olga.roles.all()] == ["operator"]
        service.set_roles(people.olga, [Role.objects.get(name="read-only"), people.team], by=people.root)
        assert {role.name for role in people.olga.roles.all()} == {"read-only", "team-web"}

    def test_the_people_of_a_role(self, people, operators):
        with pytest.raises(Invalid, match="give olga one of admin, read-only first"):
            service.set_members(operators, [people.charlie], by=people.root)
        assert list(operators.users.all()) == [people.olga]
        service.grant(people.olga, [Role.objects.get(name="read-only")], by=people.root)
        service.set_members(operators, [people.charlie], by=people.root)
        assert list(operators.users.all()) == [people.charlie]

    def test_over_the_role_itself(self, people, operators):
        with pytest.raises(Invalid, match="give olga one of"):
            service.update_role(operators, users=[], by=people.root)

    def test_other_roles_say_nothing_of_that(self, people):
        service.set_members(people.team, [], by=people.root)
        assert not people.team.users.exists()

    def test_elsewhere_nobody_needs_one(self, people, operators, settings):
        settings.LEMUR_STRICT_ROLE_ENFORCEMENT = False
        service.set_members(operators, [], by=people.root)
        service.set_roles(people.dora, [], by=people.root)
        assert not people.dora.roles.exists()
