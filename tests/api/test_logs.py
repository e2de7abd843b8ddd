"""The audit log over the API (contract 11)."""

from __future__ import annotations

import pytest

from accounts import service as accounts
from accounts.models import User
from certificates import service
from core.audit import Event, acting_as, record
from core.models import AuditEntry
from tests.factories import a_certificate
from tests.people import api

pytestmark = pytest.mark.django_db


@pytest.fixture
def certificate(people, root_ca):
    made = a_certificate(people.alice, root_ca, cn="logged.example.org")
    service.update(made.pk, by=people.alice, description="changed")
    service.reveal(made, by=people.alice)
    return made


@pytest.fixture
def items(people, certificate):
    client = api(people.charlie)

    def ask(query=""):
        answer = client.get(f"/api/1/logs?{query}")
        assert answer.status_code == 200, answer.json()
        return answer.json()["items"]

    return ask


def test_an_entry_has_lemurs_words_and_ours(people, certificate, items):
    entry = items("filter=certificate.name;logged")[0]
    assert (entry["logType"], entry["event"]) == ("key_view", "key.revealed")
    assert entry["user"] == {
        "id": people.alice.pk,
        "username": "alice",
        "email": "alice@example.org",
        "active": True,
    }
    assert entry["certificate"]["name"] == certificate.name
    assert entry["loggedAt"].endswith("+00:00")
    assert entry["target"] == {
        "type": "certificates.certificate",
        "id": str(certificate.pk),
        "name": certificate.name,
    }


def test_what_lemur_does_not_log_has_our_word_alone(people, items):
    entry = items("event=authority.created&count=1")[0]
    assert (entry["logType"], entry["certificate"], entry["event"]) == (None, None, "authority.created")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter=certificate.name;LOGGED", ["key_view", "update_cert", "create_cert"]),
        ("filter=certificate.name;nothing", []),
        ("filter=user.email;alice@&logType=update_cert", ["update_cert"]),
        ("filter=user.email;charlie@", []),
        ("logType=create_cert&filter=certificate.name;logged", ["create_cert"]),
        ("event=certificate.updated", ["update_cert"]),
        ("actor=ALICE&event=key.revealed", ["key_view"]),
        ("since=2999-01-01", []),
        ("until=2000-01-01", []),
        ("until=0573-06-18T08:02:53-18:07", []),
        ("until=0001-01-01T00:00:00%2B18:07", []),
        ("since=9999-12-31T23:59:59-18:07", []),
        ("filter=certificate.name;logged&sortBy=loggedAt&sortDir=asc", ["create_cert", "update_cert", "key_view"]),
        ("filter=certificate.name;logged&count=1&page=2", ["update_cert"]),
    ],
)
def test_the_log_is_narrowed(items, query, expected):
    found = [entry["logType"] for entry in items(query)]
    assert [word for word in found if word] == expected


@pytest.mark.parametrize(
    "query",
    ["filter=details;x", "filter=certificate.name", "event=nonsense", "since=yesterday", "sortBy=details&sortDir=asc"],
)
def test_a_question_that_makes_no_sense_is_refused(people, query):
    assert api(people.alice).get(f"/api/1/logs?{query}").status_code == 400


def test_the_whole_log_is_read_by_keys(people, certificate, items):
    seen, after = [], ""
    while page := items(f"count=3&total=none{after}"):
        seen += [entry["id"] for entry in page]
        after = f"&after={seen[-1]}"
    assert seen == sorted(AuditEntry.objects.values_list("pk", flat=True), reverse=True)


def test_an_entry_stays_although_its_actor_is_gone(people, items):
    ghost = accounts.create_user(username="ghost", email="ghost@example.org", by=people.root)
    with acting_as(demo=True):
        record(Event.USER_UPDATED, people.bob, by=ghost)
    AuditEntry.objects.filter(target_name="ghost").values()
    User.objects.filter(pk=ghost.pk).delete()
    entry = items("count=1")[0]
    assert entry["user"] == {"id": ghost.pk, "username": "ghost", "email": None, "active": False}
    assert api(people.root).get("/api/1/logs?count=1").json()["total"] == AuditEntry.objects.count()


def test_nobody_writes_it_over_the_api(people):
    client = api(people.root)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)("/api/1/logs", {}, format="json").status_code == 405
