"""All jobs over the API, in the dialect of other lists."""

from __future__ import annotations

import pytest

from certificates.models import Deployment
from stores import service as stores
from stores.models import Destination
from tests import odd_stores
from tests.factories import a_certificate, an_order
from tests.people import api

pytestmark = pytest.mark.django_db
JOBS = "/api/1/jobs"


@pytest.fixture
def delivery(people, root_ca, monkeypatch) -> Deployment:
    """Given up."""
    odd_stores.register(monkeypatch)
    place = stores.create(Destination, label="web", plugin="odd-destination", by=people.root)
    leaf = a_certificate(people.alice, root_ca)
    given_up = {"state": "failed", "last_error": "no space left", "attempts": 3, "failures": 3}
    return Deployment.objects.create(certificate=leaf, destination=place, **given_up)


def test_as_json(people, delivery):
    [item] = api(people.alice).get(f"{JOBS}?filter=kind;deployment").json()["items"]
    since = item.pop("since")
    assert since.endswith("+00:00")
    assert item == {
        "kind": "deployment",
        "id": delivery.pk,
        "state": "failed",
        "about": {"type": "certificate", "id": delivery.certificate_id, "name": "www.example.org"},
        "place": {"type": "destination", "id": delivery.destination_id, "name": "web"},
        "attempts": 3,
        "lastError": "no space left",
        "nextTry": None,
        "held": "",
        "reached": None,
        "outOf": None,
        "failed": None,
        "canRetry": True,
    }
    assert [one["canRetry"] for one in api(people.charlie).get(JOBS).json()["items"]] == [False]


def test_paged_sorted_and_counted_as_other_lists(people, delivery, root_ca):
    an_order(people.alice, authority=root_ca, owner="alice@example.org", common_name="next.example.org")
    alice = api(people.alice)
    first = alice.get(f"{JOBS}?count=1&sortBy=attempts&sortDir=desc").json()
    assert (first["total"], [one["kind"] for one in first["items"]]) == (2, ["deployment"])
    assert [
        one["kind"] for one in alice.get(f"{JOBS}?count=1&page=2&sortBy=attempts&sortDir=desc").json()["items"]
    ] == ["order"]
    assert alice.get(f"{JOBS}?page=9").json() == {"items": [], "total": 2}
    assert alice.get(f"{JOBS}?total=none").json()["total"] is None
    assert [one["state"] for one in alice.get(f"{JOBS}?state=unknown").json()["items"]] == ["unknown"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("kind=nothing", "kind"),
        ("state=asleep", "state"),
        ("page=0", "page"),
        ("count=1001", "count"),
        ("after=7", "after"),
    ],
)
def test_bad_input_names_the_field(people, query, named):
    answer = api(people.alice).get(f"{JOBS}?{query}")
    assert answer.status_code == 400
    assert named in answer.json()["reasons"]


def test_again_and_nothing_to_try(people, delivery):
    alice, address = api(people.alice), f"{JOBS}/deployment/{delivery.pk}/retry"
    answer = alice.post(address)
    assert (answer.status_code, answer.json()["state"], answer.json()["canRetry"]) == (200, "waiting", False)
    again = alice.post(address)
    assert (again.status_code, again.json()["message"]) == (
        409,
        "There is nothing to try again: it is due already, at work, or done.",
    )


def test_who_may_not(people, delivery):
    address = f"{JOBS}/deployment/{delivery.pk}/retry"
    assert [api(getattr(people, name)).post(address).status_code for name in ("charlie", "dora", "olga")] == [403] * 3


@pytest.mark.parametrize("address", ["nothing/1/retry", "deployment/987654/retry", f"order/{10**30}/retry"])
def test_what_does_not_exist(people, address):
    assert api(people.root).post(f"{JOBS}/{address}").status_code == 404


def test_an_order_is_asked_for_once_however_often_the_request_comes(people, root_ca):
    order = an_order(people.alice, authority=root_ca, owner="alice@example.org", common_name="next.example.org")
    alice, headers = api(people.alice), {"Idempotency-Key": "once"}
    answers = [alice.post(f"{JOBS}/order/{order.pk}/retry", headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "done")] * 2
    assert alice.post(f"{JOBS}/order/{order.pk}/retry").status_code == 412
