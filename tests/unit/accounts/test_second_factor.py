"""The second factor: set up with a code, asked for at each log-in with a password, taken once, reset by administrators."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import segno
from django.test import Client

from accounts import service, totp
from accounts.models import RecoveryCode, SecondFactor
from accounts.service import second_factor as factors
from accounts.service.attempts import TOO_OFTEN
from core import secrets
from core.audit import Event, Proof, acting_as
from core.errors import Conflict, Forbidden, Invalid, Throttled, Unavailable
from core.models import AuditEntry
from pki.envelope import new_key
from tests.people import PASSWORD, api

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = "192.0.2.1"


def secret_of(user):
    factor = SecondFactor.objects.get(user=user)
    return secrets.keyring().unseal(bytes(factor.secret), f"accounts.second-factor:{factor.uuid}")


def code_of(user, at=None):
    """What the app shows now, or shows the n-th time from a moment on."""
    return totp._totp(secret_of(user)).generate(int(at.timestamp() if at else time.time())).decode()


def set_up(user, at=NOW):
    factors.begin(user)
    return factors.finish(user, code_of(user, at), address=HERE, now=at)


def events():
    return list(AuditEntry.objects.order_by("id").values_list("event", flat=True))


@pytest.fixture
def alice(people):
    """With a second factor, set up an hour ago."""
    people.alice.recovery = set_up(people.alice, NOW - timedelta(hours=1))
    return people.alice


def log_in(code="", at=NOW):
    return service.log_in("alice", PASSWORD, code=code, address=HERE, now=at)


def test_until_it_is_confirmed_nobody_is_asked_for_it(people):
    factors.begin(people.alice)
    with pytest.raises(Invalid, match="not right"):
        factors.finish(people.alice, "000000", address=HERE, now=NOW)
    assert log_in() == people.alice
    assert Event.SECOND_FACTOR_ADDED not in events()


def test_the_password_alone_opens_nothing(alice):
    with pytest.raises(Forbidden, match="A code of your authenticator app is needed"):
        log_in()
    with pytest.raises(Forbidden, match="not right"):
        log_in("000000")
    assert Event.LOGIN_SUCCEEDED not in events()
    assert log_in(code_of(alice, NOW)) == alice
    assert AuditEntry.objects.get(event=Event.LOGIN_SUCCEEDED).details == {"how": "password and code"}


def test_a_code_without_the_password_opens_nothing(alice):
    with pytest.raises(Forbidden, match="credentials"):
        service.log_in("alice", "wrong", code=code_of(alice, NOW), address=HERE, now=NOW)


def test_no_code_is_taken_twice_nor_one_that_is_older(alice):
    code, before = code_of(alice, NOW), code_of(alice, NOW - timedelta(seconds=30))
    log_in(code)
    for again in (code, f" {code[:3]} {code[3:]}", before):
        with pytest.raises(Forbidden, match="used before"):
            log_in(again)
    assert log_in(code_of(alice, NOW + timedelta(seconds=30)), NOW + timedelta(seconds=30)) == alice


def test_the_code_that_set_it_up_opens_nothing_afterwards(people):
    set_up(people.alice)
    with pytest.raises(Forbidden):
        log_in(code_of(people.alice, NOW))


def test_each_recovery_code_is_good_for_one_log_in(alice):
    first, second = alice.recovery[:2]
    assert len(set(alice.recovery)) == 10
    log_in(first)
    with pytest.raises(Forbidden):
        log_in(first)
    log_in(second.upper().replace("-", " "))
    assert factors.recovery_codes_left(alice) == 8
    assert [one.details for one in AuditEntry.objects.filter(event=Event.RECOVERY_CODE_USED).order_by("id")] == [
        {"left": 9},
        {"left": 8},
    ]


def test_nobody_uses_the_recovery_codes_of_another(alice, people):
    set_up(people.bob, NOW - timedelta(hours=1))
    with pytest.raises(Forbidden):
        service.log_in("bob", PASSWORD, code=alice.recovery[0], address=HERE, now=NOW)


def test_codes_cannot_be_guessed(alice, settings):
    """Wrong codes count like wrong passwords, and the right password in between forgives nothing."""
    settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 3
    for number in range(3):
        with pytest.raises(Forbidden, match="not right"):
            service.log_in("alice", PASSWORD, code="000000", address=f"192.0.2.{number}", now=NOW)
    with pytest.raises(Throttled, match=TOO_OFTEN):
        service.log_in("alice", PASSWORD, code=code_of(alice, NOW), address="192.0.2.9", now=NOW)


def test_new_recovery_codes_take_the_place_of_the_old(alice):
    codes = factors.renew_recovery_codes(alice)
    assert not set(codes) & set(alice.recovery)
    with pytest.raises(Forbidden):
        log_in(alice.recovery[0])
    assert log_in(codes[0]) == alice


def test_what_is_kept_is_sealed_and_opens_for_nobody_else(alice, people):
    bob = factors.begin(people.bob)
    rows = str(SecondFactor.objects.values()) + str(RecoveryCode.objects.values())
    assert factors.typed(SecondFactor.objects.get(user=alice)).replace(" ", "") not in rows
    assert not any(code.replace("-", "") in rows for code in alice.recovery)
    SecondFactor.objects.filter(user=alice).update(secret=bob.secret)
    with pytest.raises(Unavailable, match="cannot be opened"):
        log_in("000000")


def test_the_keys_that_seal_it_can_be_rotated(alice, settings):
    new, old = new_key(), settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = f"{new},{old}"
    assert secrets.rewrap()[0] == 1
    settings.ENCRYPTION_KEYS = new
    assert log_in(code_of(alice, NOW)) == alice


def test_an_administrator_resets_it_and_nobody_else(alice, people):
    with pytest.raises(Forbidden, match="Only an administrator"):
        factors.remove(alice, by=people.bob)
    factors.remove(alice, by=people.root)
    assert log_in() == alice
    assert not RecoveryCode.objects.filter(user=alice).exists()
    entry = AuditEntry.objects.get(event=Event.SECOND_FACTOR_REMOVED)
    assert (entry.target_name, entry.actor_name) == ("alice", "root")


def test_there_is_one(alice):
    with pytest.raises(Conflict, match="already"):
        factors.begin(alice)
    with pytest.raises(Conflict, match="already"):
        factors.finish(alice, "000000", address=HERE)


class TestWhereItIsRequired:
    @pytest.fixture(autouse=True)
    def required(self, settings):
        settings.REQUIRE_TOTP = True

    def test_nobody_gets_a_token_without_one(self, people):
        with pytest.raises(Forbidden, match="A second factor is required here"):
            log_in()
        set_up(people.alice, NOW - timedelta(hours=1))
        assert log_in(code_of(people.alice, NOW)) == people.alice

    def test_nobody_takes_their_own_away(self, alice, people):
        with pytest.raises(Conflict, match="required"):
            factors.remove(alice, by=alice)
        factors.remove(alice, by=people.root)

    def test_who_comes_from_the_provider_needs_none(self, people, provider, traveller):
        traveller.log_in()
        assert traveller.who

    def test_it_is_set_up_before_one_is_let_in(self, people):
        client = Client()
        answer = client.post("/login", {"username": "alice", "password": PASSWORD, "next": "/domains/"})
        assert (answer["Location"], client.session.get("_auth_user_id")) == ("/login/set-up", None)
        assert client.get("/account")["Location"].startswith("/login")
        assert client.get("/login/set-up").status_code == 200
        wrong = client.post("/login/set-up", {"code": "000000"})
        assert (wrong.status_code, client.session.get("_auth_user_id")) == (400, None)
        done = client.post("/login/set-up", {"code": code_of(people.alice)})
        assert len(done.context["codes"]) == 10
        assert client.session["_auth_user_id"] == str(people.alice.pk)


class TestPages:
    @pytest.fixture
    def client(self, people):
        client = Client()
        client.force_login(people.alice)
        return client

    def test_it_is_set_up_with_a_picture(self, client, people):
        page = client.get("/account/second-factor")
        assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
        picture = client.get("/account/second-factor/qr.svg")
        assert (picture["Content-Type"], b"<script" in picture.content) == ("image/svg+xml", False)
        drawn = segno.make(factors.address(SecondFactor.objects.get(user=people.alice)), error="m")
        path = re.search(r' d="[^"]+"/>', drawn.svg_inline(border=4, dark="#000"))
        assert path[0] in picture.content.decode()
        answer = client.post("/account/second-factor", {"code": code_of(people.alice)})
        assert [code for code in answer.context["codes"] if code not in answer.content.decode()] == []
        assert len(answer.context["codes"]) == 10
        assert client.get("/account/second-factor/qr.svg").status_code == 404
        assert client.get("/account/second-factor").status_code == 409
        page = client.get("/account/sessions").content.decode()
        assert "10 recovery codes are left" in page
        assert not any(code in page for code in answer.context["codes"])

    def test_two_steps_lead_in(self, alice):
        client = Client()
        answer = client.post("/login", {"username": "alice", "password": PASSWORD, "next": "/domains/"})
        assert (answer["Location"], client.session.get("_auth_user_id")) == ("/login/code", None)
        for address in ("/account", "/account/second-factor/qr.svg", "/api/1/auth/me"):
            assert client.get(address).status_code in (302, 404, 401), address
        assert client.get("/login/set-up")["Location"] == "/login"
        assert client.post("/login/code", {"code": "000000"}).context["form"].errors
        answer = client.post("/login/code", {"code": code_of(alice)})
        assert (answer["Location"], client.session["_auth_user_id"]) == ("/domains/", str(alice.pk))

    def test_the_first_step_is_forgotten(self, alice, people):
        """After ten minutes, with a new password, or when the account is switched off."""
        for spoil in ("time", "password", "switch"):
            client = Client()
            client.post("/login", {"username": "alice", "password": PASSWORD})
            if spoil == "time":
                session = client.session
                session["pending_login"] = {**session["pending_login"], "at": time.time() - 601}
                session.save()
            elif spoil == "password":
                alice.set_password("Another!horse!2")
                alice.save()
            else:
                alice.set_password(PASSWORD)
                alice.is_active = False
                alice.save()
                client.post("/login", {"username": "alice", "password": PASSWORD})
            assert client.post("/login/code", {"code": code_of(alice)})["Location"] == "/login", spoil
            assert "_auth_user_id" not in client.session

    def test_the_second_step_without_the_first(self, alice):
        assert Client().post("/login/code", {"code": code_of(alice)})["Location"] == "/login"
        assert Client().get("/login/set-up")["Location"] == "/login"

    def test_it_is_taken_away(self, alice):
        client = Client()
        client.force_login(alice)
        assert len(client.post("/account/second-factor/codes").context["codes"]) == 10
        assert client.post("/account/second-factor/remove")["Location"] == "/account/sessions"
        assert not service.has_second_factor(alice)
        assert client.post("/account/second-factor/codes").status_code == 409

    def test_an_administrator_resets_it(self, alice, people):
        client = Client()
        client.force_login(people.root)
        assert "Reset the second factor" in client.get(f"/people/{alice.pk}").content.decode()
        client.post(f"/people/{alice.pk}/reset-second-factor")
        assert not service.has_second_factor(alice)


def test_over_the_api(alice):
    said = {}
    for name, body in {"without": {}, "wrong": {"code": "1"}, "right": {"code": code_of(alice)}}.items():
        answer = api(None).post("/api/1/auth/login", {"username": "alice", "password": PASSWORD, **body}, "json")
        said[name] = (answer.status_code, answer.json().get("message", "")[:20])
    assert said == {"without": (403, factors.NEEDED[:20]), "wrong": (403, factors.WRONG[:20]), "right": (200, "")}


def test_a_read_of_the_secret_is_for_who_has_shown_who_they_are(alice, settings):
    """With a session that was left alone for long, nothing about it changes."""
    settings.STEP_UP_MINUTES = 5
    with acting_as(kind="request", user=alice, proof=Proof("password", 0)):
        for do in (factors.remove, factors.renew_recovery_codes, factors.begin, factors.begun):
            with pytest.raises(Forbidden, match="Confirm first"):
                do(alice)


def test_a_secret_that_somebody_saw_before_is_none_any_more(people):
    """Whoever sat at the browser when it was left alone, or knew the password alone, keeps a picture in vain."""
    factors.begin(people.alice)
    seen = secret_of(people.alice)
    factors.begin(people.alice)
    assert secret_of(people.alice) != seen
    code = totp._totp(seen).generate(int(NOW.timestamp())).decode()
    with pytest.raises(Invalid, match="not right"):
        factors.finish(people.alice, code, address=HERE, now=NOW)


def test_without_having_begun_there_is_nothing_to_finish(people):
    with pytest.raises(Conflict, match="Open the page"):
        factors.finish(people.alice, "000000", address=HERE)


def test_it_is_for_those_who_log_in_with_a_password_here(people, settings):
    settings.LOCAL_LOGIN_USERS, settings.REQUIRE_TOTP = ["root"], True
    assert not factors.is_required(people.alice)
    assert factors.is_required(people.root)
    with pytest.raises(Conflict, match="those who log in with a password"):
        factors.begin(people.alice)
