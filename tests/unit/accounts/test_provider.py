"""Logging in at the identity provider: what an honest one says is believed, and nothing else."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import cache
from django.test import Client

from accounts.models import Session, User
from core.audit import Event
from core.models import AuditEntry
from tests.servers.oidc import CLIENT, SECRET, someone
from tests.servers.running import free_port

pytestmark = pytest.mark.django_db
UNVERIFIED = ["That log-in could not be verified. Start it again here."]
SILENT = ["The identity provider does not answer. Try again later."]


def test_a_stranger_gets_an_account_and_is_in(provider, traveller):
    answer = traveller.log_in("/login/oidc?next=/certificates/")
    jane = User.objects.get(username="jane")
    assert (answer["Location"], traveller.who) == ("/certificates/", str(jane.pk))
    assert (jane.email, jane.has_usable_password(), jane.roles.count()) == ("jane@example.org", False, 0)
    entry = AuditEntry.objects.get(event=Event.LOGIN_SUCCEEDED)
    assert entry.details == {"how": "single sign-on"}
    assert SECRET not in str(AuditEntry.objects.values()) + str(Session.objects.get(user=jane).get_decoded())


def test_the_second_time_it_is_the_same_account_whatever_it_is_called_by_then(provider, traveller):
    traveller.log_in()
    provider.person = someone(preferred_username="jane.doe", email="doe@example.org")
    traveller.log_in()
    assert User.objects.filter(username__startswith="jane").count() == 1


def test_what_the_browser_is_sent_away_with(provider, traveller):
    traveller.leave("/login/oidc?scope=admin&auth_params=prompt%3Dnone&process=connect")
    [asked] = provider.authorized
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/login/oidc/callback"
    assert len(asked["nonce"]) == 64
    assert len(asked["state"]) >= 16
    assert not set(asked) & {"prompt", "max_age", "client_secret"}


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_afterwards(provider, traveller, to):
    assert traveller.log_in(f"/login/oidc?next={to}")["Location"] == "/"


def test_without_a_provider_there_is_no_way_there(db, settings):
    client = Client()
    assert [client.get(path).status_code for path in ("/login/oidc", "/login/oidc/callback?code=1&state=1")] == [
        404,
        404,
    ]
    assert "oidc" not in client.get("/login").content.decode()
    assert client.get("/api/1/auth/providers").json() == []


def test_the_provider_is_offered(provider, traveller, settings):
    settings.OIDC_NAME = "the company"
    page = traveller.client.get("/login?next=/domains/").content.decode()
    assert "Log in with the company" in page
    assert 'href="/login/oidc?next=/domains/"' in page
    offered = [{"name": "the company", "url": "http://127.0.0.1:8000/login/oidc"}]
    assert traveller.client.get("/api/1/auth/providers").json() == offered


class TestForgeries:
    """Each is refused, logs nobody in, and writes nobody down."""

    @pytest.fixture(autouse=True)
    def nobody_comes_in(self, provider, traveller):
        yield
        assert traveller.who is None
        assert not User.objects.filter(username="jane").exists()

    def refused(self, traveller, back=None, said=UNVERIFIED):
        answer = traveller.client.get(back or traveller.leave())
        assert answer["Location"] == "/login"
        assert traveller.told == said

    @pytest.mark.parametrize("change", ["state=wrong", "", "state="])
    def test_another_state_or_none(self, provider, traveller, change):
        path, _, query = traveller.leave().partition("?")
        code = parse_qs(query)["code"][0]
        self.refused(traveller, f"{path}?code={code}&{change}")

    def test_the_state_of_another_browser(self, provider, traveller):
        back = type(traveller)().leave()
        self.refused(traveller, back)

    def test_a_code_of_another_log_in(self, provider, traveller):
        """Stolen on its way, and injected into one that somebody else has begun: PKCE and nonce both refuse it."""
        stolen = parse_qs(urlsplit(type(traveller)().leave()).query)["code"][0]
        path, _, query = traveller.leave().partition("?")
        self.refused(traveller, f"{path}?code={stolen}&state={parse_qs(query)['state'][0]}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"nonce": "0" * 64},
            {"nonce": None},
            {"iss": "https://other.example"},
            {"aud": "somebody-else"},
            {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
            {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
            {"iat": int(time.time()) + 3600},
            {"sub": None},
            {"sub": 7},
            {"exp": "never"},
            {"sub": ""},
            {"sub": "x" * 192},
            {"sub": "jane\0"},
            {"email": "jane\0@example.org"},
            {"groups": 7},
        ],
        ids=" ".join,  # the names alone: values that hold the time would differ between workers
    )
    def test_a_token_with_a_wrong_claim(self, provider, traveller, changes):
        def token(claims):
            return provider.signed({name: value for name, value in {**claims, **changes}.items() if value is not None})

        provider.token = token
        self.refused(traveller)

    def unsigned(self, claims, alg="none"):
        parts = [{"alg": alg, "kid": "first"}, claims]
        return ".".join(
            [*(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts), ""]
        )

    @pytest.mark.parametrize("alg", ["none", "None", "ES256", "HS256"])
    def test_a_token_that_nobody_signed(self, provider, traveller, alg):
        provider.token = lambda claims: self.unsigned(claims, alg)
        self.refused(traveller)

    def test_a_token_that_somebody_else_signed(self, provider, traveller):
        other = ec.generate_private_key(ec.SECP256R1())
        provider.token = lambda claims: jwt.encode(claims, other, algorithm="ES256", headers={"kid": "first"})
        self.refused(traveller)

    @pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM], ids=str)
    def test_a_token_signed_with_the_public_key_as_a_secret(self, provider, traveller, encoding):
        public = provider.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

        def token(claims):
            said = self.unsigned(claims, "HS256").rstrip(".")
            mac = hmac.digest(public, said.encode(), "sha256")
            return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

        provider.token = token
        self.refused(traveller)

    @pytest.mark.parametrize(
        "header",
        [{"kid": "other"}, {"kid": "other", "jwk": "own"}, {"kid": "other", "jku": "http://127.0.0.1/"}],
        ids=str,
    )
    def test_a_token_that_brings_its_key_along(self, provider, traveller, header):
        other = ec.generate_private_key(ec.SECP256R1())
        if "jwk" in header:
            header = {**header, "jwk": jwt.algorithms.ECAlgorithm.to_jwk(other.public_key(), as_dict=True)}
        provider.token = lambda claims: jwt.encode(claims, other, algorithm="ES256", headers=header)
        self.refused(traveller)

    def test_an_answer_of_another_issuer(self, provider, traveller):
        self.refused(traveller, f"{traveller.leave()}&iss=https%3A%2F%2Fother.example")

    def test_a_discovery_document_of_another_issuer(self, provider, traveller):
        told = {**provider.metadata(), "issuer": "https://other.example"}
        provider.answers[".well-known/openid-configuration"] = (200, json.dumps(told).encode())
        assert traveller.client.get("/login/oidc")["Location"] == "/login"
        assert traveller.told == UNVERIFIED

    def test_user_info_about_somebody_else(self, provider, traveller):
        provider.answers["userinfo"] = (200, json.dumps(someone(sub="root-1")).encode())
        self.refused(traveller)

    @pytest.mark.parametrize("place", ["token", "jwks", "userinfo", ".well-known/openid-configuration"])
    def test_nonsense(self, provider, traveller, place):
        for told in (
            b"<html>",
            b"[]",
            b"null",
            b'"access_token"',
            b'{"access_token": 7}',
            b'{"keys": 7}',
            b'{"keys": [7]}',
        ):
            back = traveller.leave()
            cache.clear()
            provider.answers[place] = (200, told)
            answer = traveller.client.get(back)
            assert (answer["Location"], traveller.told in (UNVERIFIED, SILENT)) == ("/login", True), told
            provider.answers.clear()
            cache.clear()

    def test_the_provider_says_no(self, provider, traveller):
        path, _, query = traveller.leave().partition("?")
        state = parse_qs(query)["state"][0]
        self.refused(traveller, f"{path}?error=access_denied&state={state}", ["You were not logged in."])

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_it_does_not_work_there(self, provider, traveller, status):
        back = traveller.leave()
        provider.answers["token"] = (status, b"")
        self.refused(traveller, back)


def test_a_code_works_once(provider, traveller):
    back = traveller.leave()
    traveller.client.get(back)
    assert User.objects.filter(username="jane").exists()
    traveller.client.post("/logout")
    assert traveller.client.get(back)["Location"] == "/login"
    assert traveller.who is None


def test_a_secret_that_is_wrong(provider, traveller, settings):
    settings.OIDC_CLIENT_SECRET = "wrong"
    assert traveller.log_in()["Location"] == "/login"
    assert traveller.who is None


def test_nobody_is_there(traveller, settings):
    settings.OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    assert traveller.client.get("/login/oidc")["Location"] == "/login"
    assert traveller.told == SILENT


@pytest.mark.parametrize("place", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_what_the_provider_names_elsewhere_must_be_public(provider, traveller, place):
    """Else it could make us ask whatever listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as private:
        private.settimeout(0)
        told = {**provider.metadata(), place: f"http://127.0.0.1:{private.getsockname()[1]}/"}
        provider.answers[".well-known/openid-configuration"] = (200, json.dumps(told).encode())
        assert traveller.log_in()["Location"] == "/login"
        with pytest.raises(BlockingIOError):
            private.accept()
    assert traveller.who is None


def test_the_session_of_before_is_not_the_one_of_afterwards(provider, traveller):
    """Nobody is in who knew its key."""
    traveller.leave()
    before = traveller.client.session.session_key
    traveller.log_in()
    assert before
    assert traveller.client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_the_discovery_document_is_asked_for_once_in_a_while(provider, traveller):
    traveller.log_in()
    traveller.log_in()
    assert provider.asked.count(".well-known/openid-configuration") == 1


def test_what_the_provider_says_of_a_failure_is_not_in_the_log_whole(provider, traveller, caplog):
    back = traveller.leave()
    provider.answers["token"] = (400, b'{"error": "invalid_client", "id_token": "canary"}')
    traveller.client.get(back)
    assert "invalid_client" in caplog.text
    assert "canary" not in caplog.text
