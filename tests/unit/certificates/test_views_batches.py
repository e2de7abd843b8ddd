"""The pages on which many certificates are changed: the numbers first."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from certificates.models import Batch, Certificate
from certificates.service import begin_batch, carry_out_batch
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db
MANY = "/certificates/many"


@pytest.fixture
def some(people, root_ca):
    return [a_certificate(people.alice, root_ca, cn=f"{letter}.example.org") for letter in "abc"]


@pytest.fixture
def alice(people):
    client = Client()
    client.force_login(people.alice)
    return client


def ids(some):
    return [one.pk for one in some]


def test_the_numbers_come_first_and_then_the_deed(alice, some, people, root_ca):
    foreign = a_certificate(people.root, root_ca, cn="foreign.example.org", owner="root@example.org")
    asked = alice.post(MANY, {"verb": "hand-over", "id": ids([*some, foreign])})
    shown = asked.content.decode()
    assert asked.status_code == 200
    assert "3 certificates." in shown
    assert "1 more was chosen; you may not do this to it" in shown
    assert not Batch.objects.exists()
    answers = {"verb": "hand-over", "id": ids([*some, foreign]), "confirmed": "3", "owner": "other@example.org"}
    batch = Batch.objects.get(pk=alice.post(MANY, answers).url.rpartition("/")[2])
    carry_out_batch(batch.pk)
    assert Certificate.objects.filter(owner="other@example.org").count() == 3


def test_all_that_match_are_those_of_the_list(alice, some):
    answers = {"verb": "notify", "all": "1", "query": "q=b.example.org&page=1", "confirmed": "1", "on": "false"}
    assert alice.post(MANY, answers).status_code == 302
    assert list(Batch.objects.get().items.values_list("certificate__cn", flat=True)) == ["b.example.org"]


def test_another_number_than_was_shown_is_asked_again(alice, some):
    answers = {"verb": "notify", "id": ids(some), "confirmed": "2", "on": "false"}
    assert "The number has changed" in alice.post(MANY, answers).content.decode()
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"verb": "explode"},
        {"verb": "notify"},
        {"verb": "notify", "id": ["x", "9" * 30]},
        {"verb": "notify", "all": "1", "query": "ordering=nothing"},
    ],
)
def test_what_makes_no_sense_is_refused(alice, some, wrong):
    assert alice.post(MANY, wrong).status_code == 400


def test_tags_are_added_and_taken_away(alice, some):
    for verb, typed, expected in (
        ("tag", "Env:Prod, pci", ["env:prod", "pci"]),
        ("untag", "pci unheard-of", ["env:prod"]),
    ):
        answers = {"verb": verb, "id": ids(some), "confirmed": "3", "tags": typed}
        carry_out_batch(int(alice.post(MANY, answers).url.rpartition("/")[2]))
        assert [one.tag_names for one in Certificate.objects.filter(pk__in=ids(some))] == [expected] * 3


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "This field is required"),
        (" , ", "This field is required"),
        ("größe", "is no tag: use 1 to"),
        ("a\0b", "Null characters are not allowed"),
        ("x" * 100_000, "at most 6400 characters"),
        (" ".join(map(str, range(51))), "at most 50 tags"),
    ],
)
def test_what_is_no_tag_is_asked_again(alice, some, typed, said):
    answer = alice.post(MANY, {"verb": "tag", "id": ids(some), "confirmed": "3", "tags": typed})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Batch.objects.exists()


def test_a_missing_answer_is_asked_for(alice, some):
    answer = alice.post(MANY, {"verb": "hand-over", "id": ids(some), "confirmed": "3", "owner": "nobody"})
    assert answer.status_code == 400
    assert "Enter a valid email address" in answer.content.decode()


def test_the_page_asks_again_until_it_is_done(alice, some):
    answers = {"verb": "rotation", "id": ids(some), "confirmed": "3", "on": "true"}
    page = alice.post(MANY, answers).url
    assert 'hx-trigger="every 1s"' in alice.get(page).content.decode()
    carry_out_batch(Batch.objects.get().pk)
    shown = alice.get(page, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in shown
    assert re.search(r"3 of 3 certificates", shown)
    assert "Switch renewing by itself" in alice.get("/certificates/batches").content.decode()


def test_those_who_only_read_are_offered_nothing(people, some):
    client = Client()
    client.force_login(people.dora)
    assert "many-verb" not in client.get("/certificates/").content.decode()
    assert client.post(MANY, {"verb": "notify", "id": ids(some)}).status_code == 403


def test_the_list_takes_as_many_statements_however_long_it_is(alice, some, people, django_assert_max_num_queries):
    for _ in range(30):
        begin_batch("notify", Certificate.objects.filter(pk=some[0].pk), given={"on": True}, by=people.alice)
    with django_assert_max_num_queries(9):
        shown = alice.get("/certificates/batches").content.decode()
    assert shown.count("0 / 1") == 25
    assert "No" in alice.get("/certificates/batches?state=done", headers={"HX-Request": "true"}).content.decode()


def test_the_same_form_sent_twice_begins_one(alice, some):
    shown = alice.post(MANY, {"verb": "renew", "id": ids(some)}).content.decode()
    [once] = re.findall(r'name="([^"]*once[^"]*|idempotency[^"]*)" value="([^"]+)"', shown, re.IGNORECASE)
    answers = {"verb": "renew", "id": ids(some), "confirmed": "3", once[0]: once[1]}
    first, second = alice.post(MANY, answers), alice.post(MANY, answers)
    assert first.url == second.url
    assert Batch.objects.count() == 1
