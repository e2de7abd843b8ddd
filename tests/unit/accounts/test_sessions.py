"""Where somebody is logged in, ending that, and confirming after a while that it is still they."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now as clock

from accounts import service
from accounts.models import Session, User
from core.audit import Event, Proof, acting_as
from core.errors import Forbidden, NotFound, ProofNeeded
from core.models import AuditEntry
from tests.factories import a_certificate
from tests.people import PASSWORD, api
from tests.servers.oidc import someone

pytestmark = pytest.mark.django_db


def browser(username, agent="Firefox", address="192.0.2.7"):
    """Somebody who has logged in as people do."""
    client = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    assert client.post("/login", {"username": username, "password": PASSWORD}).status_code == 302
    return client


def is_in(client):
    return client.get("/account").status_code == 200


def ended():
    return [one.details for one in AuditEntry.objects.filter(event=Event.SESSION_ENDED).order_by("id")]


def test_one_sees_when_from_where_and_with_what(people):
    client, _ = browser("alice"), browser("alice", "Opera <b>", "2001:db8::1")
    browser("bob", "Lynx")
    page = client.get("/account/sessions").content.decode()
    for text in ("Firefox", "192.0.2.7", "Opera &lt;b&gt;", "2001:db8::1", "This one"):
        assert text in page, text
    assert "Lynx" not in page
    assert not any(session.session_key in page for session in Session.objects.all())


def test_being_seen_is_written_down_once_a_minute(people):
    client = browser("alice")
    Session.objects.update(seen_at=clock() - timedelta(minutes=2), address="")
    is_in(client)
    seen = Session.objects.get(user=people.alice)
    assert clock() - seen.seen_at < timedelta(minutes=1)
    assert seen.address == "192.0.2.7"
    is_in(client)
    assert Session.objects.get(user=people.alice).seen_at == seen.seen_at


def test_it_ends_twelve_hours_after_the_log_in_whatever_is_done_in_it(people):
    client = browser("alice")
    end = Session.objects.get(user=people.alice).expire_date
    assert end - clock() > timedelta(hours=11, minutes=59)
    with time_machine.travel(clock() + timedelta(hours=11)):
        client.post("/confirm?next=/", {"typed": PASSWORD})  # writes into it
        assert is_in(client)
        assert Session.objects.get(user=people.alice).expire_date == end
    with time_machine.travel(clock() + timedelta(hours=12, minutes=1)):
        assert not is_in(client)


def test_one_ends_one_of_them(people):
    client, other = browser("alice"), browser("alice")
    handle = Session.objects.get(session_key=other.session.session_key).handle
    assert client.post(f"/account/sessions/{handle}/end")["Location"] == "/account/sessions"
    assert (is_in(client), is_in(other)) == (True, False)
    assert ended() == [{"sessions": 1, "address": "192.0.2.7"}]


def test_nobody_ends_those_of_another(people):
    client, other = browser("bob"), browser("alice")
    handle = Session.objects.get(session_key=other.session.session_key).handle
    assert client.post(f"/account/sessions/{handle}/end").status_code == 404
    assert client.post(f"/people/{people.alice.pk}/end-sessions").status_code == 403
    with pytest.raises(Forbidden):
        service.end_session(people.alice, handle, by=people.bob)
    with pytest.raises(NotFound):
        service.end_session(people.bob, handle, by=people.bob)
    assert is_in(other)


def test_one_ends_all_others_and_those_over_the_api(people):
    client, others = browser("alice"), [browser("alice"), browser("alice")]
    program = api(people.alice)
    _, key = service.create_api_key(user=people.alice, name="hers", by=people.alice)
    client.post("/account/sessions/end-others")
    assert (is_in(client), [is_in(other) for other in others]) == (True, [False, False])
    assert program.get("/api/1/auth/me").status_code == 403
    assert service.use_token(key).user == people.alice
    assert ended() == [{"sessions": 2, "tokens": 1}]


def test_an_administrator_ends_those_of_somebody(people):
    client, root = browser("alice"), browser("root")
    program = api(people.alice)
    root.post(f"/people/{people.alice.pk}/end-sessions")
    assert (is_in(client), is_in(root)) == (False, True)
    assert program.get("/api/1/auth/me").status_code == 403


def test_a_new_password_ends_the_others_and_this_one_goes_on(people):
    client, other = browser("alice"), browser("alice")
    fields = {"old_password": PASSWORD, "new_password1": "Another!horse!2", "new_password2": "Another!horse!2"}
    assert client.post("/account/password", fields).status_code == 302
    assert (is_in(client), is_in(other)) == (True, False)
    assert Session.objects.filter(user=people.alice).count() == 1


def test_the_old_password_cannot_be_guessed_at_that_form(people, settings):
    settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 2
    client = browser("alice")
    fields = {"new_password1": "Another!horse!2", "new_password2": "Another!horse!2"}
    said = [client.post("/account/password", {**fields, "old_password": "x"}).context["form"].errors for _ in range(3)]
    assert ["Too many failed log-ins" in str(errors) for errors in said] == [False, False, True]


def test_a_log_in_clears_away_what_is_over(people):
    browser("bob")
    Session.objects.update(expire_date=clock() - timedelta(seconds=1))
    browser("alice")
    assert [session.user for session in Session.objects.all()] == [people.alice]


def age(client, minutes):
    """It was so long ago that somebody showed here who they are."""
    session = client.session
    session["proof"] = {**session["proof"], "at": time.time() - 60 * minutes}
    session.save()


class TestStepUp:
    @pytest.fixture(autouse=True)
    def after_five_minutes(self, settings):
        settings.STEP_UP_MINUTES = 5

    @pytest.fixture
    def certificate(self, people, issuing_ca):
        return a_certificate(people.alice, issuing_ca)

    @pytest.fixture
    def places(self, certificate, people):
        """Where secrets come out, with what is sent there."""
        export = f"/certificates/{certificate.pk}/export?plugin="
        return [
            (f"/certificates/{certificate.pk}/key", {}),
            (f"{export}openssl-export", {"options-type": "PKCS12 (.p12)", "options-passphrase": "Sesame*open1"}),
            (f"{export}java-keystore-jks", {"options-passphrase": "Sesame*open1"}),
            (f"{export}pem-export", {"options-type": "Certificate, chain and key"}),
            (f"/roles/{people.team.pk}/credentials", {}),
            ("/account/keys/new", {"name": "mine", "scope": "full"}),
        ]

    def test_a_fresh_log_in_is_enough(self, places):
        client = browser("alice")
        assert [client.post(*place).status_code for place in places] == [200] * len(places)

    def test_an_old_one_asks_first_and_comes_back(self, places):
        client = browser("alice")
        age(client, 6)
        for address, fields in places:
            answer = client.post(address, fields)
            assert answer.status_code == 302, address
            assert answer["Location"].startswith("/confirm?next=/"), address
        answer = client.post(answer["Location"], {"typed": PASSWORD})
        assert answer["Location"] == "/account/keys/new"
        assert [client.post(*place).status_code for place in places] == [200] * len(places)

    def test_after_a_press_of_a_button_it_comes_back_to_the_page_that_has_it(self, people):
        client = browser("alice")
        age(client, 6)
        pressed = client.post("/account/second-factor/codes", headers={"Referer": "http://testserver/account/sessions"})
        answer = client.post(pressed["Location"], {"typed": PASSWORD})
        assert client.get(answer["Location"]).status_code == 200

    def test_nobody_gets_around_it_with_another_account(self, people):
        """A password or a role that is given in somebody's absence would open everything else."""
        client = browser("root")
        age(client, 6)
        new = {"username": "mallory", "email": "mallory@example.org"}
        for address, fields in (
            (f"/people/{people.root.pk}/edit", {"username": "root", "email": people.root.email, "is_active": "on",
                                                "password": "Another!horse!2"}),
            ("/people/new", {**new, "password": "Another!horse!2"}),
            ("/people/new", {**new, "roles": [people.team.pk]}),
            (f"/roles/{people.team.pk}/members", {"add": "charlie"}),
        ):  # fmt: skip
            assert client.post(address, fields)["Location"].startswith("/confirm?next=/"), fields
        assert not User.objects.filter(username="mallory").exists()
        assert client.post("/people/new", new).status_code == 302, "who may do nothing yet"
        assert User.objects.filter(username="mallory").exists()

    def test_it_asks_before_a_form_is_shown(self, places):
        client = browser("alice")
        age(client, 6)
        asked = [client.get(address).status_code == 302 for address, _ in places]
        assert asked == [True, True, True, False, True, True]  # PEM is a choice of what to put in

    def test_what_holds_no_secret_asks_nothing(self, certificate):
        client = browser("alice")
        age(client, 6)
        fields = {"options-type": "Certificate and chain"}
        assert client.post(f"/certificates/{certificate.pk}/export?plugin=pem-export", fields).status_code == 200

    def test_who_may_not_is_not_asked(self, certificate):
        client = browser("charlie")
        age(client, 6)
        assert client.post(f"/certificates/{certificate.pk}/key").status_code == 403

    def test_a_wrong_password_is_no_proof_and_is_counted(self, certificate, settings):
        settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 2
        client = browser("alice")
        age(client, 6)
        said = [client.post("/confirm?next=/", {"typed": "wrong"}).context["form"].errors["typed"] for _ in range(3)]
        assert ["Too many failed" in text[0] for text in said] == [False, False, True]
        assert client.post(f"/certificates/{certificate.pk}/key").status_code == 302

    def test_the_session_over_the_api_is_asked_as_well(self, certificate):
        client = browser("alice")
        age(client, 6)
        answer = client.get(f"/api/1/certificates/{certificate.pk}/key")
        assert (answer.status_code, answer.json()["message"][:28]) == (403, "Confirm first that it is you")

    def test_tokens_are_not_asked_even_beside_a_session(self, certificate, people):
        address = f"/api/1/certificates/{certificate.pk}/key"
        assert api(people.alice).get(address).status_code == 200
        client = browser("alice")
        age(client, 6)
        token = service.log_in_token(people.alice)
        assert client.get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 200

    def test_the_log_says_how_it_was_proven(self, certificate):
        client = browser("alice")
        client.post(f"/certificates/{certificate.pk}/key")
        age(client, 6)
        client.post("/confirm", {"typed": PASSWORD})
        client.post(f"/certificates/{certificate.pk}/key")
        entries = AuditEntry.objects.filter(event=Event.KEY_REVEALED)
        assert [entry.context["proof"].partition(" at ")[0] for entry in entries] == ["password", "password"]

    def test_zero_asks_never(self, certificate, settings):
        settings.STEP_UP_MINUTES = 0
        client = browser("alice")
        age(client, 600)
        assert client.post(f"/certificates/{certificate.pk}/key").status_code == 200

    def test_a_session_that_proves_nothing_is_asked(self, people):
        with acting_as(kind="request", user=people.alice, proof=Proof()), pytest.raises(ProofNeeded):
            service.require_recent_proof()
        service.require_recent_proof()  # outside of browsers there is nobody to ask

    @pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "javascript:1"])
    def test_it_leads_nowhere_else(self, people, to):
        answer = browser("alice").post(f"/confirm?next={to}", {"typed": PASSWORD})
        assert answer["Location"] == "/"


class TestConfirmingAtTheProvider:
    """For who has no password here."""

    @pytest.fixture
    def jane(self, people, provider, traveller, settings):
        settings.STEP_UP_MINUTES = 5
        traveller.log_in()
        age(traveller.client, 6)
        return traveller

    def key_page(self, traveller):
        return traveller.client.get("/account/keys/new").status_code

    def test_it_asks_anew_there(self, jane, provider):
        assert self.key_page(jane) == 302
        page = jane.client.get("/confirm?next=/account/keys/new").content.decode()
        assert "Confirm with single sign-on" in page
        assert 'name="typed"' not in page
        answer = jane.log_in("/login/oidc?again=1&next=/account/keys/new")
        assert (provider.authorized[-1]["prompt"], provider.authorized[-1]["max_age"]) == ("login", "0")
        assert (answer["Location"], self.key_page(jane)) == ("/account/keys/new", 200)

    def test_an_answer_from_memory_is_no_proof(self, jane, provider):
        provider.authenticated_at = time.time() - 3600
        assert jane.log_in("/login/oidc?again=1")["Location"] == "/login"
        assert self.key_page(jane) == 302

    def test_nor_is_one_that_does_not_say(self, jane, provider):
        def silent(claims):
            return provider.signed({name: value for name, value in claims.items() if name != "auth_time"})

        provider.token = silent
        jane.log_in("/login/oidc?again=1")
        assert self.key_page(jane) == 302

    def test_nor_is_somebody_else(self, jane, provider):
        provider.person = someone(sub="john-1", preferred_username="john", email="john@example.org")
        assert jane.log_in("/login/oidc?again=1")["Location"] == "/login"
        assert self.key_page(jane) == 302
        assert AuditEntry.objects.filter(event=Event.LOGIN_FAILED, target_name="john").exists()

    def test_nor_is_a_log_in_that_asked_nobody(self, jane, provider):
        """The provider knows the browser by its own cookie: whoever sits there now has shown nothing."""
        provider.authenticated_at = time.time() - 3600
        assert jane.log_in("/login/oidc?next=/account/keys/new")["Location"] == "/account/keys/new"
        assert self.key_page(jane) == 302

    def test_nor_one_that_does_not_say_when(self, jane, provider):
        def silent(claims):
            return provider.signed({name: value for name, value in claims.items() if name != "auth_time"})

        provider.token = silent
        assert jane.log_in("/login/oidc?next=/account/keys/new")["Location"] == "/account/keys/new"
        assert self.key_page(jane) == 302

    def test_who_may_not_enter_any_more_is_logged_out_by_it(self, jane, settings):
        settings.OIDC_LOGIN_GROUPS = ["staff"]
        assert jane.log_in("/login/oidc?again=1")["Location"] == "/login"
        assert jane.told == ["You are in none of the groups that may log in here; ask whoever manages them."]
        assert jane.who is None

    def test_who_has_lost_a_group_goes_on_here_alone(self, jane, provider, settings):
        settings.OIDC_ROLES = [("devs", "team-dev")]
        provider.person = someone(groups=["devs"])
        jane.log_in()
        other = type(jane)()
        other.log_in()
        provider.person = someone()
        assert jane.log_in("/login/oidc?again=1&next=/account/keys/new")["Location"] == "/account/keys/new"
        assert (self.key_page(jane), other.client.get("/account").status_code) == (200, 302)

    def test_a_password_cannot_be_tried_where_there_is_none(self, jane):
        jane.client.post("/confirm?next=/", {"typed": "x"})
        assert self.key_page(jane) == 302
