"""A POST sent twice is carried out once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now as clock
from rest_framework.test import APIClient

from accounts.models import User
from core.audit import acting
from core.errors import Forbidden
from core.models import IdempotentAnswer
from tests.people import api
from tests.unit.web.things import Thing, Work
from web.rest.idempotency import once

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.unit.web.things")]

BODY = {"displayName": "a", "owner": "alice@example.org"}


def post(client: APIClient, key: str | None = "key-1", path: str = "things", **changes: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/api/1/{path}", {**BODY, **changes}, format="json", headers=headers)


def test_the_same_answer_and_nothing_done_twice(client_of_alice: APIClient) -> None:
    first, second = post(client_of_alice), post(client_of_alice)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert len(Work.done) == Thing.objects.count() == 1


def test_the_order_of_keys_in_the_body_does_not_matter(client_of_alice: APIClient) -> None:
    first = post(client_of_alice)
    body = dict(reversed(BODY.items()))
    second = client_of_alice.post("/api/1/things", body, format="json", headers={"Idempotency-Key": "key-1"})
    assert first.json() == second.json()


def test_services_know_the_key(client_of_alice: APIClient, alice: User) -> None:
    post(client_of_alice)
    post(client_of_alice, key=None, displayName="b")
    assert Work.done == [IdempotentAnswer.objects.get().pk, None]


@pytest.mark.parametrize("other", [{"displayName": "b"}, {"path": "things?x=1"}, {"path": "things/secret"}])
def test_another_request_with_the_same_key(client_of_alice: APIClient, other: dict[str, str]) -> None:
    post(client_of_alice)
    response = post(client_of_alice, **other)
    assert response.status_code == 409
    assert "another request" in response.json()["message"]
    assert len(Work.done) == 1


def test_without_a_key_everything_is_done(client_of_alice: APIClient) -> None:
    assert [post(client_of_alice, key=None, displayName=name).status_code for name in "ab"] == [200, 200]
    assert not IdempotentAnswer.objects.exists()


def test_keys_belong_to_their_user(client_of_alice: APIClient) -> None:
    post(client_of_alice)
    bob = User.objects.create_user("bob", "bob@example.org", "x")
    assert post(api(bob), displayName="b").status_code == 200
    assert Thing.objects.count() == 2


def test_while_the_first_is_at_work(client_of_alice: APIClient) -> None:
    answers: list[Any] = []

    def meanwhile() -> None:
        Work.then = None
        answers.append(post(client_of_alice))

    Work.then = meanwhile
    assert post(client_of_alice).status_code == 200
    assert answers[0].status_code == 409
    assert "still at work" in answers[0].json()["message"]
    assert Thing.objects.count() == 1


def test_after_a_day_the_key_is_free(client_of_alice: APIClient) -> None:
    first = post(client_of_alice)
    Thing.objects.all().delete()
    IdempotentAnswer.objects.update(created_at=clock() - timedelta(hours=23, minutes=59))
    assert post(client_of_alice).json() == first.json()
    IdempotentAnswer.objects.update(created_at=clock() - timedelta(hours=24, seconds=1))
    assert "Idempotent-Replayed" not in post(client_of_alice)
    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize("changes", [{"displayName": "conflict"}, {"owner": "nobody"}, {"displayName": "bad name"}])
def test_a_refused_request_frees_its_key(client_of_alice: APIClient, changes: dict[str, str]) -> None:
    assert 400 <= post(client_of_alice, **changes).status_code < 500
    assert not IdempotentAnswer.objects.exists()
    assert post(client_of_alice).status_code == 200


@pytest.mark.parametrize("name", ["unavailable", "bug"])
def test_a_failed_request_may_be_sent_again_under_the_same_name(client_of_alice: APIClient, name: str) -> None:
    client_of_alice.raise_request_exception = False
    assert [post(client_of_alice, displayName=name).status_code >= 500 for _ in range(2)] == [True, True]
    assert Work.done[0] == Work.done[1] is not None
    assert post(client_of_alice).status_code == 409, "another body is still another request"


def test_a_dead_request_is_taken_over_when_its_lease_has_run_out(client_of_alice: APIClient) -> None:
    post(client_of_alice)
    Thing.objects.all().delete()
    IdempotentAnswer.objects.update(status=None, body=None)
    assert post(client_of_alice).status_code == 409
    IdempotentAnswer.objects.update(lease_until=clock())
    assert post(client_of_alice).status_code == 200
    assert Thing.objects.count() == 1


def test_secrets_are_not_kept(client_of_alice: APIClient) -> None:
    assert post(client_of_alice, path="things/secret").json() == {"token": "t"}
    again = post(client_of_alice, path="things/secret")
    assert again.status_code == 409
    assert "secret, which is not kept" in again.json()["message"]
    assert Work.done == ["secret"]
    assert IdempotentAnswer.objects.get().body is None


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256])
def test_bad_keys(client_of_alice: APIClient, key: str) -> None:
    response = post(client_of_alice, key=key)
    assert response.status_code == 400
    assert "printable ASCII" in response.json()["message"]


def test_a_refusal_does_not_free_the_key_of_what_was_made(client_of_alice: APIClient) -> None:
    """An order waits for its CA, say, and meanwhile the right to use that CA is gone."""

    def order_and_be_refused() -> None:
        IdempotentAnswer.objects.update(made="web.thing:1")
        raise Forbidden("Not any more.")

    Work.then = order_and_be_refused
    assert [post(client_of_alice).status_code for _ in range(2)] == [403, 403]
    assert IdempotentAnswer.objects.get().made == "web.thing:1"


class TestForms:
    """The same form of the same page, sent twice."""

    def sent(self, user: User, part: str | None = None, **fields: Any) -> Any:
        request = RequestFactory().post("/things", {"once": "page-1", **fields})
        request.user = user
        with once(request, part):
            return acting().idempotency

    def test_one_key_for_the_same_content(self, alice: User) -> None:
        first = self.sent(alice, name="a", csrfmiddlewaretoken="x")
        assert first == self.sent(alice, name="a", csrfmiddlewaretoken="y") is not None

    def test_other_content_is_another_request(self, alice: User) -> None:
        bob = User.objects.create_user("bob", "bob@example.org", "x")
        keys = [
            self.sent(alice, name="a"),
            self.sent(alice, name="b"),
            self.sent(alice, name="a", once="page-2"),
            self.sent(bob, name="a", once="page-3"),
            self.sent(alice, name="a", file=SimpleUploadedFile("f", b"1")),
            self.sent(alice, name="a", file=SimpleUploadedFile("f", b"2")),
            self.sent(alice, name="a", file=[SimpleUploadedFile("f", b"1"), SimpleUploadedFile("g", b"3")]),
            self.sent(alice, name="a", file=[SimpleUploadedFile("f", b"2"), SimpleUploadedFile("g", b"3")]),
        ]
        assert len(set(keys)) == len(keys)

    def test_each_part_has_a_key_of_its_own_whatever_else_is_sent(self, alice: User) -> None:
        first, other = self.sent(alice, "first", name="a"), self.sent(alice, "other", name="a")
        assert len({first, other, self.sent(alice, name="a")}) == 3
        assert first == self.sent(alice, "first", name="b")

    def test_a_form_without_the_field_has_no_key(self, alice: User) -> None:
        assert self.sent(alice, once="") is None


def test_without_a_token_no_key_is_looked_at() -> None:
    assert post(APIClient()).status_code == 401
    assert not IdempotentAnswer.objects.exists()


def test_cost(client_of_alice: APIClient) -> None:
    """Against the same request without a key: forget, look, note (in a savepoint), and write down the answer."""
    counts = []
    for key in (None, "key-1"):
        with CaptureQueriesContext(connection) as captured:
            post(client_of_alice, key=key, displayName=f"name {key}")
        counts.append(len(captured))
    assert counts[1] - counts[0] <= 6
