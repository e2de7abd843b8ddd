"""How often one may try to log in, on the page and over the API alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import service
from accounts.models import FailedLogin
from accounts.service.attempts import TOO_OFTEN, attempt
from core.errors import Forbidden, Throttled
from tests.people import PASSWORD

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REFUSED = "The supplied credentials are invalid"


def tries(name, times, **where):
    """What each of so many wrong tries is answered, from an address of its own unless told."""
    said = []
    for number in range(times):
        with pytest.raises((Forbidden, Throttled)) as refused:
            service.log_in(name, "wrong", **{"address": f"192.0.2.{number}", "now": NOW, **where})
        said.append(str(refused.value))
    return said


@pytest.mark.parametrize("name", ["alice", "nobody-is-called-so"])
def test_an_account_waits_wherever_the_tries_came_from_and_whether_or_not_it_exists(people, settings, name):
    settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 3
    assert tries(name, 5) == [REFUSED] * 3 + [TOO_OFTEN] * 2


def test_the_account_of_another_spelling_is_the_same(people, settings):
    settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 2
    assert tries("Alice", 1) + tries("ALICE", 1) + tries("alice", 1) == [REFUSED, REFUSED, TOO_OFTEN]


def test_others_and_those_who_wait_are_let_in(people, settings):
    settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 2
    tries("alice", 3)
    assert service.log_in("bob", PASSWORD, address="192.0.2.1", now=NOW) == people.bob
    assert service.log_in("alice", PASSWORD, address="192.0.2.1", now=NOW + timedelta(minutes=5, seconds=1))


def test_what_succeeds_does_not_count(people, settings):
    settings.LOGIN_ATTEMPTS = settings.LOGIN_ATTEMPTS_PER_ACCOUNT = 2
    for _ in range(4):
        service.log_in("alice", PASSWORD, address="192.0.2.1", now=NOW)
    assert not FailedLogin.objects.exists()


def test_tries_at_once_count_each_other(people, settings):
    settings.LOGIN_ATTEMPTS = 2
    with attempt("alice", address="192.0.2.1", now=NOW), attempt("alice", address="192.0.2.1", now=NOW):
        third = attempt("alice", address="192.0.2.1", now=NOW)
        with pytest.raises(Throttled), third:
            pytest.fail("the third was let through")
    assert not FailedLogin.objects.exists()


def test_what_was_typed_is_not_kept(people):
    tries("my secret in the wrong field", 1)
    assert "secret" not in str(FailedLogin.objects.values())


def test_page_and_api_share_the_limit_and_the_words(people, settings):
    settings.LOGIN_ATTEMPTS = 3
    client = Client()
    for name in ("alice", "nobody"):
        page = client.post("/login", {"username": name, "password": "wrong"})
        assert page.context["form"].non_field_errors() == [REFUSED]
    api = client.post("/api/1/auth/login", {"username": "nobody", "password": "x"}, "application/json")
    assert (api.status_code, api.json()) == (403, {"message": REFUSED})
    page = client.post("/login", {"username": "alice", "password": PASSWORD})
    assert page.context["form"].non_field_errors() == [TOO_OFTEN]
    api = client.post("/api/1/auth/login", {"username": "alice", "password": PASSWORD}, "application/json")
    assert (api.status_code, api.json()) == (429, {"message": TOO_OFTEN})
    assert client.get("/admin/login/")["Location"] == "/login?next=/admin/"
    assert "_auth_user_id" not in client.session
