"""/destinations and /sources (contract 9.5 and 11)."""

from __future__ import annotations

import json

import pytest

from certificates.models import Deployment, update_destinations
from certificates.service import deploy
from stores.models import Destination, Source
from tests.factories import a_certificate
from tests.odd_stores import register
from tests.people import api

pytestmark = pytest.mark.django_db
SECRET = "s3cret-canary"
WEB = {
    "label": "web",
    "description": "Two machines",
    "plugin": {
        "slug": "odd-destination",
        "pluginOptions": [{"name": "place", "value": "rack", "type": "ignored"}, {"name": "token", "value": SECRET}],
    },
}
FILES = {"label": "files", "plugin": {"slug": "odd-source", "pluginOptions": [{"name": "token", "value": SECRET}]}}
BODIES = {"destinations": WEB, "sources": FILES}
RESOURCES = list(BODIES)


@pytest.fixture(autouse=True)
def odd(monkeypatch) -> None:
    register(monkeypatch)


@pytest.fixture
def root(people):
    return api(people.root)


def post(client, resource, body=None, **headers):
    return client.post(f"/api/1/{resource}", BODIES[resource] if body is None else body, format="json", headers=headers)


def made(client, resource) -> dict:
    answer = post(client, resource)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_destination_as_lemur_shows_it(root):
    shown = made(root, "destinations")
    assert set(shown) == {"id", "label", "description", "active", "plugin", "options"}
    assert (shown["label"], shown["description"], shown["active"]) == ("web", "Two machines", True)
    assert set(shown["plugin"]) == {"slug", "title", "description", "pluginOptions"}
    assert shown["options"] == shown["plugin"]["pluginOptions"]
    options = {option["name"]: option for option in shown["options"]}
    assert options["place"] == {
        "name": "place", "type": "str", "required": False, "helpMessage": "Where.", "sensitive": False,
        "validation": r"^\w+$", "default": "here", "value": "rack",
    }  # fmt: skip
    assert (options["token"]["sensitive"], options["token"]["value"]) == (True, None)
    assert root.get(f"/api/1/destinations/{shown['id']}").json() == shown


def test_a_source(root):
    shown = made(root, "sources")
    assert set(shown) == {"id", "label", "description", "active", "plugin", "options", "lastRun"}
    assert (shown["description"], shown["lastRun"]) == ("", None)


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_answer_to_anybody_holds_the_secret(people, root, resource):
    pk = made(root, resource)["id"]
    for user in (people.root, people.alice, people.dora):
        for address in (f"/api/1/{resource}", f"/api/1/{resource}/{pk}", "/api/1/plugins", "/api/1/plugins/odd-source"):
            answer = api(user).get(address)
            assert answer.status_code == 200
            assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("resource", RESOURCES)
def test_everybody_reads_and_administrators_write(people, root, resource):
    pk = made(root, resource)["id"]
    one = f"/api/1/{resource}/{pk}"
    for user in (people.alice, people.dora, people.olga):
        client = api(user)
        assert client.get(f"/api/1/{resource}").json()["total"] == 1
        assert client.get(one).status_code == 200
        assert post(client, resource).status_code == 403
        assert client.put(one, {"label": "x"}, format="json").status_code == 403
        assert client.delete(one).status_code == 403
        assert client.delete(f"/api/1/{resource}/987654").status_code == 403
    assert api(None).get(one).status_code == 401


@pytest.mark.parametrize("resource", RESOURCES)
def test_who_may_not_write_learns_nothing_from_a_wrong_body(people, root, resource):
    assert post(api(people.alice), resource, {}).status_code == 403


@pytest.mark.parametrize("resource", RESOURCES)
def test_unknown_ones(root, resource):
    one = f"/api/1/{resource}/987654"
    assert (root.get(one).status_code, root.get(one).json()) == (404, {"message": "No data found"})
    assert root.put(one, {"label": "x"}, format="json").status_code == 404
    answer = root.delete(one)
    assert (answer.status_code, answer.json()) == (200, {"result": True})
    for address in (f"/api/1/{resource}/x", f"/api/1/{resource}/{10**30}"):
        assert root.get(address).status_code == 404


@pytest.mark.parametrize("resource", RESOURCES)
def test_methods(root, resource):
    for method, address in [("patch", "/1"), ("post", "/1"), ("put", ""), ("delete", ""), ("patch", "")]:
        assert getattr(root, method)(f"/api/1/{resource}{address}", {}, format="json").status_code == 405
    assert root.post("/api/1/destinations/stats", {}, format="json").status_code == 405


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_change_keeps_what_it_does_not_name(root, resource):
    pk = made(root, resource)["id"]
    one = f"/api/1/{resource}/{pk}"
    changed = root.put(one, {"label": "renamed", "active": False}, format="json").json()
    assert (changed["label"], changed["active"]) == ("renamed", False)
    shown = root.get(one).json()
    echoed = root.put(one, shown, format="json")
    assert (echoed.status_code, echoed.json()) == (200, shown)
    model = Destination if resource == "destinations" else Source
    assert model.objects.get().open().options.token.get_secret_value() == SECRET


@pytest.mark.parametrize("resource", RESOURCES)
def test_options_may_be_an_object(root, resource):
    slug = BODIES[resource]["plugin"]["slug"]
    body = {"label": "x", "description": "", "plugin": {"slug": slug, "pluginOptions": {"place": "cellar"}}}
    options = {option["name"]: option["value"] for option in post(root, resource, body).json()["options"]}
    assert options["place"] == "cellar"


def with_plugin(resource, **plugin):
    return {**BODIES[resource], "description": "", "plugin": {"slug": BODIES[resource]["plugin"]["slug"], **plugin}}


BAD = [
    ({"plugin": None}, "plugin"),
    ({"plugin": "odd"}, "plugin"),
    ({"plugin": []}, "plugin"),
    ({"plugin": {}}, "slug"),
    ({"plugin": {"slug": 5}}, "Not a valid string."),
    ({"plugin": {"slug": "x" * 65}}, "slug"),
    ({"plugin": {"slug": "no-such"}}, "Unable to find plugin. Slug: no-such Reason: "),
    ({"plugin": {"slug": "pem-export"}}, "Unable to find plugin. Slug: pem-export"),
    ({"label": None}, "label"),
    ({"label": ""}, "label"),
    ({"label": "x" * 129}, "label"),
    ({"label": ["x"]}, "label"),
    ({"label": "\x19"}, "A label is one line of visible characters."),
    ({"label": "two\nlines"}, "A label is one line of visible characters."),
    ({"label": " " * 100 + "x" * 50}, "label"),
    ({"description": "x" * 1025}, "description"),
    ({"active": "perhaps"}, "active"),
]
BAD_OPTIONS = [
    ("text", "pluginOptions"),
    (5, "pluginOptions"),
    ([5], "pluginOptions"),
    ([{"value": 1}], "pluginOptions"),
    ([{"name": 5, "value": 1}], "pluginOptions"),
    ([{"name": "place", "value": "a"}, {"name": "place", "value": "b"}], "place"),
    ([{"name": "nowhere", "value": "a"}], "nowhere"),
    ([{"name": "place", "value": {"a": 1}}], "place"),
    ([{"name": "place", "value": [1]}], "place"),
    ([{"name": "place", "value": 5}], "place"),
    ([{"name": "token", "value": True}], "token"),
    ([{"name": "place", "value": "line\nbreak"}], "place"),
    ([{"name": f"n{n}", "value": "x"} for n in range(2000)], "n1999"),
]


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(("changes", "named"), BAD)
def test_what_is_wrong_is_named(root, resource, changes, named):
    answer = post(root, resource, {**BODIES[resource], **changes})
    assert answer.status_code == 400, answer.content
    assert named in json.dumps(answer.json()["reasons"])
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(("options", "named"), BAD_OPTIONS)
def test_which_option_is_wrong_is_named(root, resource, options, named):
    for answer in (
        post(root, resource, with_plugin(resource, pluginOptions=options)),
        root.put(
            f"/api/1/{resource}/{_existing(resource)}", with_plugin(resource, pluginOptions=options), format="json"
        ),
    ):
        assert answer.status_code == 400, answer.content
        assert named in json.dumps(answer.json()["reasons"]["plugin"])


def _existing(resource: str) -> int:
    model = Destination if resource == "destinations" else Source
    return model.objects.get_or_create(label="there", plugin=BODIES[resource]["plugin"]["slug"])[0].pk


def test_what_must_be_there(root):
    reasons = post(root, "destinations", {}).json()["reasons"]
    assert reasons == dict.fromkeys(("label", "description", "plugin"), "Missing data for required field.")
    assert set(post(root, "sources", {}).json()["reasons"]) == {"label", "plugin"}


def test_a_label_that_is_taken(root):
    made(root, "sources")
    answer = post(root, "sources")
    assert (answer.status_code, answer.json()["message"]) == (409, "There is already a source called files.")
    made(root, "destinations")
    made(root, "destinations")


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_same_request_again(root, resource):
    first, second = (post(root, resource, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json()) == (200, second.json())
    assert root.get(f"/api/1/{resource}").json()["total"] == 1


@pytest.mark.parametrize("resource", RESOURCES)
def test_lists(root, resource, django_assert_max_num_queries):
    for number in range(12):
        post(root, resource, {**BODIES[resource], "label": f"n{number:02}"})
    address = f"/api/1/{resource}"
    with django_assert_max_num_queries(5):
        page = root.get(address).json()
    assert (page["total"], [row["label"] for row in page["items"]][:2]) == (12, ["n11", "n10"])
    assert [r["label"] for r in root.get(f"{address}?filter=label;N0&sortBy=label&sortDir=asc&count=2").json()["items"]] == [
        "n00", "n01",
    ]  # fmt: skip
    assert root.get(f"{address}?filter=active;false").json()["total"] == 0
    for bad in ("filter=secrets;x", "filter=label", "sortBy=secrets&sortDir=asc", "active=perhaps", "page=0"):
        assert root.get(f"{address}?{bad}").status_code == 400, bad


def test_stats(root, people, root_ca):
    pk = made(root, "destinations")["id"]
    for cn in ("a.example.org", "b.example.org"):
        update_destinations(a_certificate(people.alice, root_ca, cn=cn), Destination.objects.get(pk=pk))
    assert root.get("/api/1/destinations/stats").json() == {"items": {"labels": ["web"], "values": [2]}, "total": 1}


def test_deleting_a_destination_takes_its_deliveries_along(root, people, root_ca):
    pk = made(root, "destinations")["id"]
    certificate = a_certificate(people.alice, root_ca)
    update_destinations(certificate, Destination.objects.get(pk=pk))
    assert deploy(Deployment.objects.get().pk)
    assert root.delete(f"/api/1/destinations/{pk}").json() == {"result": True}
    assert not Deployment.objects.exists()
    certificate.refresh_from_db()
