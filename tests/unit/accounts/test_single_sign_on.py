"""What groups at the identity provider make somebody here, and what ends when they leave them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.utils.timezone import now as clock

from accounts import service
from accounts.models import ADMIN, OPERATOR, READ_ONLY, ApiKey, Role, Session, User
from core.audit import Event
from core.errors import Forbidden
from core.models import AuditEntry
from tests.people import PASSWORD
from tests.servers.oidc import someone

pytestmark = pytest.mark.django_db


@pytest.fixture
def mapped(settings):
    settings.OIDC_ROLES = [
        ("pki-admins", ADMIN),
        ("pki-operators", OPERATOR),
        ("everybody", READ_ONLY),
        ("devs", "team-dev"),
    ]


def roles(username="jane"):
    return set(User.objects.get(username=username).roles.values_list("name", flat=True))


def events(event):
    return list(AuditEntry.objects.filter(event=event).order_by("id"))


def test_groups_make_roles_and_are_read_again_each_time(people, provider, traveller, mapped):
    for groups, expected in (
        (["pki-admins", "devs", "else"], {ADMIN, "team-dev"}),
        ("everybody", {READ_ONLY}),
        ([], set()),
        (["pki-operators"], {OPERATOR}),
    ):
        provider.person = someone(groups=groups)
        traveller.log_in()
        assert roles() == expected, groups
    assert Role.objects.get(name="team-dev").third_party


def test_roles_that_no_group_stands_for_stay(people, provider, traveller, mapped):
    provider.person = someone(groups=["devs"])
    traveller.log_in()
    User.objects.get(username="jane").roles.add(people.team)
    provider.person = someone()
    traveller.log_in()
    assert roles() == {people.team.name}


def test_the_claim_has_the_name_of_the_setting(people, provider, traveller, mapped, settings):
    settings.OIDC_GROUPS_CLAIM = "roles"
    provider.person = someone(groups=["pki-admins"], roles=["devs"])
    traveller.log_in()
    assert roles() == {"team-dev"}


@pytest.fixture
def jane(people, provider, traveller, mapped, settings):
    """In the group, with a session elsewhere, a token and an API key."""
    settings.OIDC_LOGIN_GROUPS = ["staff"]
    provider.person = someone(groups=["staff", "devs"])
    elsewhere = type(traveller)()
    elsewhere.log_in()
    user = User.objects.get(username="jane")
    token = service.log_in_token(user)
    _, key = service.create_api_key(user=user, name="hers", by=people.root)
    return user, elsewhere, (token, key)


def opens(tokens):
    found = []
    for token in tokens:
        try:
            found.append(service.use_token(token).user.username)
        except Forbidden as error:
            found.append(str(error))
    return found


def test_who_stays_in_keeps_everything(jane, traveller):
    _, elsewhere, tokens = jane
    traveller.log_in()
    assert opens(tokens) == ["jane", "jane"]
    assert elsewhere.client.get("/account").status_code == 200


@pytest.mark.parametrize(("groups", "let_in"), [(["staff"], True), (["devs"], False), ([], False)], ids=str)
def test_who_left_a_group_loses_sessions_tokens_and_keys_at_once(jane, provider, traveller, groups, let_in):
    user, elsewhere, tokens = jane
    provider.person = someone(groups=groups)
    traveller.log_in()
    assert traveller.who == (str(user.pk) if let_in else None)
    assert opens(tokens) == ["Token has been revoked"] * 2
    assert elsewhere.client.get("/account")["Location"].startswith("/login")
    assert Session.objects.filter(user=user).count() == let_in
    assert roles() == set()
    assert len(events(Event.APIKEY_REVOKED)) == len(events(Event.ROLE_WITHDRAWN)) == 1
    if not let_in:
        assert traveller.told == ["You are in none of the groups that may log in here; ask whoever manages them."]
        assert events(Event.LOGIN_FAILED)[-1].target_name == "jane"


def test_a_stranger_without_the_group_gets_no_account(people, provider, traveller, settings):
    settings.OIDC_LOGIN_GROUPS = ["staff"]
    traveller.log_in()
    assert traveller.who is None
    assert not User.objects.filter(username="jane").exists()


def test_who_is_switched_off_here_stays_out(jane, people, traveller):
    user, elsewhere, tokens = jane
    service.update_user(user, is_active=False, by=people.root)
    assert opens(tokens) == ["Token has been revoked"] * 2
    assert elsewhere.client.get("/account")["Location"].startswith("/login")
    assert not Session.objects.filter(user=user).exists()
    traveller.log_in()
    assert traveller.told == ["Your account here is switched off; ask an administrator."]


def test_the_last_administrator_is_shut_out_but_stays_one(provider, traveller, mapped, settings, db):
    settings.OIDC_LOGIN_GROUPS = ["pki-admins"]
    provider.person = someone(groups=["pki-admins"])
    traveller.log_in()
    provider.person = someone()
    traveller.log_in()
    user = User.objects.get(username="jane")
    assert roles() == {ADMIN}
    assert not Session.objects.filter(user=user).exists()


class TestWhoseAccount:
    """Issuer and subject say it; an address only where the settings say that it may."""

    def alice(self, **changes):
        return someone(**{"preferred_username": "else", "email": "Alice@example.org", **changes})

    def test_an_address_alone_opens_no_account(self, people, provider, traveller):
        provider.person = self.alice()
        traveller.log_in()
        assert traveller.who is None
        assert "There is already an account with your user name or address" in traveller.told[0]

    def test_a_user_name_alone_opens_none(self, people, provider, traveller):
        for name in ("alice", "ALICE", "system"):
            provider.person = someone(preferred_username=name)
            traveller.log_in()
            assert traveller.who is None

    def test_a_verified_address_does_where_the_settings_say_so(self, people, provider, traveller, settings):
        settings.OIDC_MATCH_EMAILS = True
        provider.person = self.alice()
        traveller.log_in()
        assert traveller.who == str(people.alice.pk)
        assert SocialAccount.objects.get(user=people.alice).uid == "jane-1"
        assert [entry.details["subject"] for entry in events(Event.USER_CONNECTED)] == ["jane-1"]

    def test_an_address_that_a_database_takes_for_the_same_does_not(self, people, provider, traveller, settings):
        settings.OIDC_MATCH_EMAILS = True
        provider.person = self.alice(email=people.alice.email.replace("i", "\u0131"))
        traveller.log_in()
        assert traveller.who != str(people.alice.pk)
        assert not SocialAccount.objects.filter(user=people.alice).exists()

    def test_nobody_becomes_who_does_the_background_work(self, people, provider, traveller, settings):
        settings.OIDC_MATCH_EMAILS = True
        provider.person = self.alice(email=User.objects.get(username="system").email)
        traveller.log_in()
        assert traveller.who is None

    def test_whoever_is_refused_stands_in_the_log(self, people, provider, traveller, settings):
        settings.OIDC_LOGIN_GROUPS = ["staff"]
        traveller.log_in()
        assert [(one.details["known"], one.details["how"]) for one in events(Event.LOGIN_FAILED)] == [
            (False, "single sign-on")
        ]

    def test_one_that_was_not_verified_never_does(self, people, provider, traveller, settings):
        settings.OIDC_MATCH_EMAILS = True
        for verified in (False, None, "true", 1):
            provider.person = self.alice(email_verified=verified)
            traveller.log_in()
            assert traveller.who is None
            assert "no e-mail address that was verified" in traveller.told[0]

    def test_a_second_subject_with_the_same_address_does_not(self, people, provider, traveller, settings):
        settings.OIDC_MATCH_EMAILS = True
        provider.person = self.alice()
        traveller.log_in()
        other = type(traveller)()
        provider.person = self.alice(sub="jane-2")
        other.log_in()
        assert other.who is None

    def test_without_an_address_nobody_comes_in(self, people, provider, traveller, settings):
        settings.OIDC_EMAILS_ARE_VERIFIED = True
        provider.person = someone(email=None)
        traveller.log_in()
        assert traveller.who is None

    def test_the_operator_may_vouch_for_the_provider(self, people, provider, traveller, settings):
        settings.OIDC_EMAILS_ARE_VERIFIED = True
        provider.person = someone(email_verified=None)
        traveller.log_in()
        assert User.objects.get(username="jane").email == "jane@example.org"


class TestPasswordsForTheFew:
    """Where everybody comes from the provider, but for those who break the glass."""

    @pytest.fixture(autouse=True)
    def only_root(self, people, settings):
        settings.LOCAL_LOGIN_USERS = ["root"]

    def test_page_and_api_let_only_them_in(self, client):
        for name, lets_in in (("alice", False), ("root", True)):
            answer = client.post("/login", {"username": name, "password": PASSWORD})
            assert (answer.status_code == 302) == lets_in
            api = client.post("/api/1/auth/login", {"username": name, "password": PASSWORD}, "application/json")
            assert api.status_code == (200 if lets_in else 403)
            assert lets_in or api.json() == {"message": "The supplied credentials are invalid"}

    def test_api_keys_work_as_before(self, people):
        _, key = service.create_api_key(user=people.alice, name="hers", by=people.root)
        assert ApiKey.objects.get(user=people.alice)
        assert service.use_token(key).user == people.alice


class TestKeysOfWhoStaysAway:
    """Whether somebody still is with the company the provider says only when they log in."""

    @pytest.fixture
    def token(self, jane, settings):
        settings.OIDC_KEYS_SLEEP_DAYS = 30
        _, _, (_, key) = jane
        return key

    def test_a_key_sleeps_until_its_owner_has_logged_in_again(self, jane, token, traveller):
        User.objects.filter(username="jane").update(last_login=clock() - timedelta(days=31))
        assert opens([token])[0].startswith("jane has not logged in here for 30 days")
        traveller.log_in()
        assert opens([token]) == ["jane"]

    def test_those_of_who_has_a_password_or_never_logs_in_do_not(self, people, token):
        User.objects.filter(username="alice").update(last_login=clock() - timedelta(days=99))
        robot = service.create_user(username="robot", email="robot@example.org", by=people.root)
        keys = [service.create_api_key(user=one, name="k", by=people.root)[1] for one in (people.alice, robot)]
        assert opens(keys) == ["alice", "robot"]

    def test_zero_lets_all_of_them_go_on(self, token, settings):
        settings.OIDC_KEYS_SLEEP_DAYS = 0
        User.objects.filter(username="jane").update(last_login=clock() - timedelta(days=999))
        assert opens([token]) == ["jane"]


def test_the_command_shuts_somebody_out(jane):
    user, elsewhere, tokens = jane
    call_command("shut_out", "jane")
    assert opens(tokens) == ["Token has been revoked"] * 2
    assert elsewhere.client.get("/account")["Location"].startswith("/login")
    assert not User.objects.get(pk=user.pk).is_active
    call_command("shut_out", "jane")  # again changes nothing
    with pytest.raises(CommandError, match="There is no user called nobody"):
        call_command("shut_out", "nobody")
