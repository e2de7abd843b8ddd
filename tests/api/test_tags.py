"""Tags over the API: given, shown, found by, counted."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Order
from tests.factories import a_certificate, an_order
from tests.people import api
from tests.pki_material import material

pytestmark = pytest.mark.django_db
URL = "/api/1/certificates"
FORM = "is no tag: use 1 to 64 letters a to z, digits and . - _ : /"


@pytest.fixture
def rows(people, root_ca):
    given = {"both": ["env:prod", "pci"], "prod": ["env:prod"], "pci": ["pci"], "none": []}
    return {
        name: a_certificate(people.alice, root_ca, cn=f"{name}.example.org", tags=tags) for name, tags in given.items()
    }


def found(client, query):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json()
    return {one["cn"].partition(".")[0] for one in answer.json()["items"]} - {"Root CA"}


def test_an_order_an_upload_and_a_change_take_them(people, root_ca):
    client = api(people.alice)
    body = {"authority": {"id": root_ca.pk}, "owner": "web@example.org", "commonName": "a.example.org"}
    made = client.post(URL, {**body, "tags": [" Env:Prod ", "pci", "PCI"]}, format="json").json()
    assert made["tags"] == ["env:prod", "pci"]
    assert client.get(f"{URL}/{made['id']}").json() == made
    changed = client.put(f"{URL}/{made['id']}", {"tags": ["cdn"]}, format="json").json()
    assert (changed["tags"], changed["owner"]) == (["cdn"], "web@example.org")
    assert client.patch(f"{URL}/{made['id']}", {"description": "x"}, format="json").json()["tags"] == ["cdn"]
    brought = {"owner": "web@example.org", "body": material().leaf.pem, "tags": ["vendor"]}
    assert client.post(f"{URL}/upload", brought, format="json").json()["tags"] == ["vendor"]


def test_a_successor_has_them(people, rows):
    made = api(people.alice).post(f"{URL}/{rows['both'].pk}/reissue", {"replace": True}, format="json").json()
    assert made["tags"] == ["env:prod", "pci"]


def test_an_open_order_shows_them_and_takes_others(people, root_ca):
    client = api(people.alice)
    order = an_order(
        people.alice, authority=root_ca, owner="alice@example.org", common_name="a.example.org", tags=["pci"]
    )
    address = f"/api/1/pending_certificates/{order.pk}"
    assert client.get(address).json()["tags"] == ["pci"]
    assert client.put(address, {"tags": ["CDN"]}, format="json").json()["tags"] == ["cdn"]
    refused = client.put(address, {"tags": ["no tag"]}, format="json")
    assert (refused.status_code, set(refused.json()["reasons"])) == (400, {"tags"})
    Order.objects.filter(pk=order.pk).update(spec={k: v for k, v in order.spec.items() if k != "tags"})
    assert client.get(address).json()["tags"] == []


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (["two words"], f"'two words' {FORM}"),
        ([""], None),
        (["größe"], f"'größe' {FORM}"),
        (["x" * 65], f"'{'x' * 65}' {FORM}"),
        ([7], None),
        ([["a"]], None),
        ("env:prod", None),
        ({"name": "env:prod"}, None),
        (None, None),
        ([str(number) for number in range(51)], None),
    ],
)
def test_bad_ones_are_refused_by_name(people, rows, tags, reason):
    answer = api(people.alice).put(f"{URL}/{rows['both'].pk}", {"tags": tags}, format="json")
    assert answer.status_code == 400, answer.json()
    said = answer.json()["reasons"]["tags"]
    assert said
    assert reason is None or reason in str(said)
    assert rows["both"].tag_names == ["env:prod", "pci"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=env:prod", {"both", "prod"}),
        ("tag=ENV%3AProd", {"both", "prod"}),
        ("tag=env:prod,pci", {"both"}),
        ("tag=env:prod&tag=pci", {"both"}),
        ("tag=env:prod,%20pci,", {"both"}),
        ("filter=tag;env:prod", {"both", "prod"}),
        ("filter=tag;env:prod,pci", {"both"}),
        ("filter=tag;env:prod&filter=tag;pci", {"both"}),
        ("tag=pci&filter=tag;env:prod", {"both"}),
        ("tag=pci&filter=cn;pci", {"pci"}),
        ("tag=", {"both", "prod", "pci", "none"}),
        ("tag=,", {"both", "prod", "pci", "none"}),
        ("tag=env", set()),
        ("tag=no%20tag", set()),
        ("tag=%25", set()),
        ("tag=" + ",".join(map(str, range(2000))), set()),
    ],
)
def test_certificates_are_found_by_all_of_them(people, rows, query, expected):
    assert found(api(people.charlie), query) == expected


def test_nul_is_refused(people, rows):
    assert api(people.charlie).get(f"{URL}?tag=a%00b").status_code == 400


def test_as_many_as_one_can_have_are_looked_for_at_once(people, rows):
    names = [f"n{number}" for number in range(48)]
    service.tag(rows["both"], names, by=people.alice)
    assert found(api(people.charlie), f"tag={','.join([*names, 'pci', 'env:prod'])}") == {"both"}


def test_each_is_listed_with_how_many_bear_it(people, rows):
    client = api(people.charlie)
    assert tags(client, "sortBy=certificates&sortDir=desc&count=2") == [("pci", 2), ("env:prod", 2)]
    assert tags(client, "filter=name;env&sortBy=name&sortDir=asc") == [("env:prod", 2)]
    assert tags(client, "q=PC") == [("pci", 2)]
    service.update_tags(rows["pci"], ["cdn"], by=people.alice)
    assert tags(client, "sortBy=name&sortDir=asc") == [("cdn", 1), ("env:prod", 2), ("pci", 1)]
    assert client.get("/api/1/tags?sortBy=number&sortDir=asc").status_code == 400
    assert tags(client, "page=9") == []


def tags(client, query):
    answer = client.get(f"/api/1/tags?{query}")
    assert answer.status_code == 200, answer.json()
    return [(one["name"], one["certificates"]) for one in answer.json()["items"]]


def test_nobody_sees_them_without_logging_in(rows):
    assert api(None).get("/api/1/tags").status_code == 401


def test_they_cost_no_statement_more(people, rows, django_assert_max_num_queries):
    client = api(people.bob)
    with django_assert_max_num_queries(8):
        client.get(f"{URL}?count=10")
    with django_assert_max_num_queries(8):
        client.get(f"{URL}?count=10&tag=env:prod,pci")
    with django_assert_max_num_queries(5):
        client.get(f"{URL}/{rows['both'].pk}")
    with django_assert_max_num_queries(8):
        client.get("/api/1/tags")
