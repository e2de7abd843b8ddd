"""Pages of rotation policies."""

from __future__ import annotations

import pytest
from django.test import Client

from certificates import service
from certificates.models import Certificate, RotationPolicy
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def names():
    return list(RotationPolicy.objects.order_by("name").values_list("name", "days"))


def test_the_list(people):
    shown = browser(people.dora).get("/policies/").content.decode()
    assert "default" in shown
    assert "Create a policy" not in shown
    assert "Edit" not in shown.partition("<main")[2]
    assert "30 days before the end" in shown
    assert "any time" in shown
    assert "Create a policy" in browser(people.root).get("/policies/").content.decode()


def test_making_and_changing_one(people):
    root = browser(people.root)
    assert root.post("/policies/new", {"name": "weekly", "days": "7"})["Location"] == "/policies/"
    made = RotationPolicy.objects.get(name="weekly")
    assert 'value="7"' in root.get(f"/policies/{made.pk}/edit").content.decode()
    root.post(f"/policies/{made.pk}/edit", {"name": "often", "days": "5"})
    assert names() == [("default", 30), ("often", 5)]


def test_one_with_everything(people):
    root = browser(people.root)
    given = {"share": "40", "follows_ca": "on", "jitter_hours": "2", "windows": "sat 00:00-24:00", "revokes_old": "on"}
    root.post("/policies/new", {"name": "short", "days": "2", **given})
    made = RotationPolicy.objects.get(name="short")
    assert (made.share, made.follows_ca, made.jitter_hours, made.windows) == (40, True, 2, "sat 00:00-24:00")
    assert (made.revokes_old, made.cleans_old) == (True, False)
    shown = root.get("/policies/").content.decode()
    assert "last 40 % of the life" in shown
    assert "sat 00:00-24:00" in shown
    form = root.get(f"/policies/{made.pk}/edit").content.decode()
    assert 'value="40"' in form
    assert form.count("checked") == 2
    root.post(f"/policies/{made.pk}/edit", {"name": "short", "days": "2"})
    made.refresh_from_db()
    assert (made.share, made.follows_ca, made.jitter_hours, made.windows) == (None, False, 0, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "default"}, "There is already a rotation policy called default"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "3651"}, "less than or equal to 3650"),
        ({"days": "x"}, "Enter a whole number."),
        ({"share": "0"}, "greater than or equal to 1"),
        ({"jitter_hours": "721"}, "less than or equal to 720"),
        ({"windows": "at night"}, "write it as: mon-fri 22:00-04:00"),
    ],
)
def test_what_is_wrong_is_said_in_the_form(people, changes, said):
    answer = browser(people.root).post("/policies/new", {"name": "weekly", "days": "7", **changes})
    assert answer.status_code == (409 if "already" in said else 400)
    assert said in answer.content.decode()
    assert names() == [("default", 30)]


def test_the_default_keeps_its_name(people):
    default = RotationPolicy.objects.get()
    answer = browser(people.root).post(f"/policies/{default.pk}/edit", {"name": "x", "days": "9"})
    assert answer.status_code == 409
    assert "cannot be renamed" in answer.content.decode()


def test_deleting_what_nothing_follows(people, root_ca):
    root = browser(people.root)
    weekly = service.create_policy(name="weekly", days=7, by=people.root)
    leaf = a_certificate(people.alice, root_ca)
    Certificate.objects.filter(pk=leaf.pk).update(rotation_policy=weekly)
    assert f"/policies/{weekly.pk}/delete" not in root.get("/policies/").content.decode()
    answer = root.post(f"/policies/{weekly.pk}/delete", follow=True)
    assert "cannot be deleted: 1 certificates follow it" in answer.content.decode()
    Certificate.objects.filter(pk=leaf.pk).update(rotation_policy=None)
    assert f"/policies/{weekly.pk}/delete" in root.get("/policies/").content.decode()
    root.post(f"/policies/{weekly.pk}/delete")
    assert "weekly" not in dict(names())


@pytest.mark.parametrize("person", ["alice", "dora", "olga"])
def test_others_change_nothing(people, person):
    client, default = browser(getattr(people, person)), RotationPolicy.objects.get()
    for method, address in (
        ("get", "/policies/new"),
        ("post", "/policies/new"),
        ("get", f"/policies/{default.pk}/edit"),
        ("post", f"/policies/{default.pk}/edit"),
        ("post", f"/policies/{default.pk}/delete"),
    ):
        assert getattr(client, method)(address, {"name": "x", "days": "1"}).status_code == 403
    assert names() == [("default", 30)]
