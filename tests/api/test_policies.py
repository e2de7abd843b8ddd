"""Rotation policies over the API."""

from __future__ import annotations

import pytest

from certificates.models import Certificate, RotationPolicy
from tests.factories import a_certificate
from tests.people import api

pytestmark = pytest.mark.django_db

URL = "/api/1/policies"
PLAIN = {
    "share": None, "followsCa": False, "jitterHours": 0, "windows": "", "revokesOld": False, "cleansOld": False,
}  # fmt: skip
SHORT = {
    "share": 40, "followsCa": True, "jitterHours": 2, "windows": "mon,tue 08:00-16:00", "revokesOld": True,
    "cleansOld": True,
}  # fmt: skip


@pytest.fixture
def weekly(people):
    return api(people.root).post(URL, {"name": "weekly", "days": 7}, format="json").json()


def test_making_one(people, weekly):
    assert weekly == {"id": weekly["id"], "name": "weekly", "days": 7, **PLAIN}
    assert api(people.dora).get(f"{URL}/{weekly['id']}").json() == weekly
    assert RotationPolicy.objects.get(name="weekly").days == 7


def test_one_with_everything(people, weekly):
    body = {"name": "short", "days": 2, **SHORT, "windows": "Mon-Tue 08:00-16:00"}
    made = api(people.root).post(URL, body, format="json").json()
    assert made == {"id": made["id"], "name": "short", "days": 2, **SHORT}
    changed = api(people.root).put(f"{URL}/{made['id']}", {**PLAIN, "days": 3}, format="json").json()
    assert changed == {"id": made["id"], "name": "short", "days": 3, **PLAIN}


def test_the_list(people, weekly):
    answer = api(people.dora).get(f"{URL}?sortBy=days&sortDir=asc").json()
    assert [(item["name"], item["days"]) for item in answer["items"]] == [("weekly", 7), ("default", 30)]
    assert answer["total"] == 2
    assert [item["name"] for item in api(people.dora).get(f"{URL}?filter=name;week").json()["items"]] == ["weekly"]


def test_changing_one_and_what_is_absent_stays(people, weekly):
    answer = api(people.root).put(f"{URL}/{weekly['id']}", {"days": 5}, format="json")
    assert (answer.status_code, answer.json()) == (200, {**weekly, "days": 5})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "days"),
        ({"days": 3}, "name"),
        ({"name": "x", "days": 0}, "days"),
        ({"name": "x", "days": 3651}, "days"),
        ({"name": "x", "days": "many"}, "days"),
        ({"name": "x", "days": 10**30}, "days"),
        ({"name": "a\u202eb", "days": 3}, "name"),
        ({"name": "x" * 129, "days": 3}, "name"),
        ({"name": None, "days": None}, "name"),
        ({"name": "x", "days": 3, "share": 0}, "share"),
        ({"name": "x", "days": 3, "share": 91}, "share"),
        ({"name": "x", "days": 3, "jitterHours": -1}, "jitterHours"),
        ({"name": "x", "days": 3, "jitterHours": 721}, "jitterHours"),
        ({"name": "x", "days": 3, "jitterHours": None}, "jitterHours"),
        ({"name": "x", "days": 3, "windows": "at night"}, "windows"),
        ({"name": "x", "days": 3, "windows": "mon 08:00-09:00; " * 31}, "windows"),
        ({"name": "x", "days": 3, "revokesOld": "perhaps"}, "revokesOld"),
    ],
)
def test_what_is_wrong_is_said_by_field(people, body, field):
    answer = api(people.root).post(URL, body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["reasons"]


def test_conflicts(people, weekly, root_ca):
    root, default = api(people.root), RotationPolicy.objects.get(name="default")
    assert root.post(URL, {"name": "weekly", "days": 9}, format="json").status_code == 409
    assert root.put(f"{URL}/{default.pk}", {"name": "usual"}, format="json").status_code == 409
    assert root.delete(f"{URL}/{default.pk}").status_code == 409
    leaf = a_certificate(people.alice, root_ca)
    Certificate.objects.filter(pk=leaf.pk).update(rotation_policy=weekly["id"])
    assert root.delete(f"{URL}/{weekly['id']}").status_code == 409


def test_deleting_one_even_if_it_never_existed(people, weekly):
    for _ in range(2):
        answer = api(people.root).delete(f"{URL}/{weekly['id']}")
        assert (answer.status_code, answer.json()) == (200, {"result": True})
    assert api(people.alice).delete(f"{URL}/{weekly['id']}").status_code == 403
    assert api(people.root).get(f"{URL}/{weekly['id']}").status_code == 404
