"""Everything else that certificates answer over the API: contract 9 and 10."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from certificates import service
from certificates.models import Certificate, Deployment
from lifecycle.models import Endpoint
from notifications.models import Notification
from stores.models import Destination, Source
from tests.api.test_certificates import an_order
from tests.factories import a_certificate
from tests.people import api
from web.rest import whole

pytestmark = pytest.mark.django_db

URL = "/api/1/certificates"


@pytest.fixture
def made(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, roles=[people.team])


@pytest.fixture
def furnished(people, root_ca, made) -> Certificate:
    """One with something of everything."""
    source = Source.objects.create(label="scan", plugin="none")
    destination = Destination.objects.create(label="web servers", plugin="none")
    Deployment.objects.create(certificate=made, destination=destination)
    made.sources.add(source)
    Endpoint.objects.create(
        name="www", dnsname="www.example.org", port=443, type="https", source=source, certificate=made
    )
    a_certificate(people.alice, root_ca, replaces=[made])
    return Certificate.objects.get(pk=made.pk)


def get(client, address, status=200):
    answer = client.get(f"{URL}/{address}")
    assert answer.status_code == status, answer.content
    return json.loads(answer.getvalue())  # in parts, if it is long


class TestFull:
    def test_everything_of_contract_9_1(self, people, furnished):
        shown = get(api(people.bob), furnished.pk)
        assert shown["destinations"][0]["label"] == "web servers"
        assert {one["label"] for one in shown["notifications"]} == {f"DEFAULT_ALICE_{day}_DAY" for day in (30, 15, 2)}
        assert shown["endpoints"] == [
            {
                "id": furnished.endpoints.get().pk, "name": "www", "dnsname": "www.example.org", "owner": "",
                "type": "https", "active": True, "description": "",
            }
        ]  # fmt: skip
        limits = {name: shown["authority"][name] for name in ("maxIssuanceDays", "defaultValidityDays")}
        assert limits == {"maxIssuanceDays": None, "defaultValidityDays": 365}
        assert shown["rotationPolicy"] == {"id": furnished.rotation_policy.pk, "days": 30}
        assert (shown["dnsProvider"], shown["dnsProviderId"]) == (None, None)
        assert [one["id"] for one in shown["replacedBy"]] == [one["id"] for one in shown["replaced"]] != []
        assert shown["notify"] is shown["active"] is False
        assert [one["name"] for one in shown["roles"]] == ["alice@example.org", "pki@example.org", "team-web"]

    def test_the_subject_is_shown_where_no_rule_hides_it(self, people, root_ca):
        plain = a_certificate(people.alice, root_ca, organization="Example Inc")
        assert "organization" not in get(api(people.bob), plain.pk)
        type(root_ca).objects.update(cab_compliant=False)
        assert get(api(people.bob), plain.pk)["organization"] == "Example Inc"
        own = Certificate.objects.get(root_authority=root_ca)
        assert "country" not in get(api(people.bob), own.pk)

    def test_of_each_row_all_lists_cost_a_fixed_number_of_statements(
        self, people, root_ca, furnished, django_assert_max_num_queries
    ):
        client = api(people.bob)
        for number in range(10):
            one = a_certificate(people.alice, root_ca, cn=f"h{number}.example.org", replaces=[furnished])
            one.sources.add(*furnished.sources.all())
            Deployment.objects.create(certificate=one, destination=furnished.destinations.get())
        for count in (2, 11, 12):
            with django_assert_max_num_queries(8):
                items = client.get(f"{URL}?count={count}").json()["items"]
        assert len(items) == 12
        with django_assert_max_num_queries(12):
            get(client, furnished.pk)

    def test_a_new_one_is_shown_as_it_is_read(self, people, root_ca):
        client = api(people.alice)
        made = client.post(URL, an_order(root_ca, notifications=[]), format="json").json()
        assert made == get(client, made["id"])


class TestBelowOne:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("destinations", ["web servers"]),
            ("sources", ["scan"]),
            ("notifications", ["DEFAULT_ALICE_2_DAY", "DEFAULT_ALICE_15_DAY", "DEFAULT_ALICE_30_DAY"]),
            ("domains", ["www.example.org"]),
            ("roles", ["pki@example.org", "alice@example.org", "team-web"]),
            ("replacements", []),
        ],
    )
    def test_lists(self, people, furnished, name, expected):
        answer = get(api(people.charlie), f"{furnished.pk}/{name}?count=100")
        assert sorted(one.get("label", one.get("name")) for one in answer["items"]) == sorted(expected)
        assert answer["total"] == len(expected)
        get(api(people.charlie), f"987654/{name}", status=404)

    def test_replacements_are_what_it_replaces(self, people, furnished):
        successor = furnished.replaced.get()
        answer = get(api(people.charlie), f"{successor.pk}/replacements")
        assert [one["id"] for one in answer["items"]] == [furnished.pk]

    def test_creator_and_authority(self, people, root_ca, made):
        client = api(people.charlie)
        assert get(client, f"{made.pk}/creator")["username"] == "alice"
        assert get(client, f"{made.pk}/authority")["name"] == root_ca.name
        own = Certificate.objects.get(root_authority=root_ca)
        assert get(client, f"{own.pk}/authority", status=404)["message"] == "No data found"
        assert get(client, "987654/authority", status=404) == {"message": "Certificate not found."}


class TestByNameAndValid:
    def test_exactly_one_name(self, people, made):
        client = api(people.charlie)
        assert [one["id"] for one in get(client, f"name/{made.name}")["items"]] == [made.pk]
        assert get(client, "name/nothing") == {"items": [], "total": 0}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("filter=cn;WWW.example.org", True), ("filter=cn;%25", True), ("filter=cn;www%25", True),
            ("filter=cn;%25example%25", True), ("filter=cn;%25.org&owner=ALICE%25", True), ("filter=cn;%25&san=www.ex", True),
            ("filter=cn;example", False), ("filter=cn;%25&owner=bob%25", False), ("filter=cn;%25&san=mail", False),
            ("filter=cn;w%25w%25example%25.org", True), ("filter=cn;w%25x%25y.org", False),
        ],
    )  # fmt: skip
    def test_usable_ones(self, people, made, query, found):
        ids = [one["id"] for one in get(api(people.charlie), f"valid?{query}")["items"]]
        assert (made.pk in ids) == found

    @pytest.mark.parametrize("query", ["", "filter=cn", "filter=cn;", "filter=name;x", "filter=cn;%25&page=0&count=1"])
    def test_what_is_no_question(self, people, query):
        get(api(people.charlie), f"valid?{query}", status=400)

    def test_neither_replaced_nor_revoked_nor_over(self, people, root_ca, furnished):
        old = a_certificate(people.alice, root_ca, cn="old.example.org")
        Certificate.objects.filter(pk=old.pk).update(not_after=datetime.now(UTC) - timedelta(minutes=1))
        ids = [one["id"] for one in get(api(people.charlie), "valid?filter=cn;%25.org")["items"]]
        assert ids == [furnished.replaced.get().pk]

    def test_pages(self, people, root_ca, made):
        a_certificate(people.alice, root_ca, cn="www2.example.org")
        answer = get(api(people.charlie), "valid?filter=cn;www%25&page=2&count=1")
        assert ([one["id"] for one in answer["items"]], answer["total"]) == ([made.pk], 2)

    def test_all_of_them_in_parts(self, people, root_ca, made, monkeypatch, django_assert_max_num_queries):
        others = [a_certificate(people.alice, root_ca, cn=f"www{number}.example.org") for number in range(4)]
        everything = [one.pk for one in reversed([made, *others])]
        client = api(people.charlie)
        for size in (1, 2, 5, 200):
            monkeypatch.setattr(whole, "PART", size)
            answer = get(client, "valid?filter=cn;www%25")
            assert ([one["id"] for one in answer["items"]], answer["total"]) == (everything, 5)
        assert answer["items"][0] == get(client, everything[0])
        assert get(client, "valid?filter=cn;nothing") == {"items": [], "total": 0}
        with django_assert_max_num_queries(9):
            get(client, "valid?filter=cn;www%25")


class TestStats:
    def test_metrics(self, people, root_ca, furnished):
        client = api(people.charlie)
        assert get(client, "stats?metric=bits") == {"items": {"labels": [256], "values": [3]}, "total": 1}
        assert get(client, "stats?metric=keyType")["items"]["labels"] == ["ECCPRIME256V1"]
        assert get(client, "stats?metric=status")["items"] == {"labels": [None], "values": [3]}
        assert get(client, "stats?metric=owner&active=true")["items"]["values"] == [1, 1]
        destination = furnished.destinations.get().pk
        assert get(client, f"stats?metric=issuer&destinationId={destination}")["items"]["values"] == [1]
        assert get(client, "stats?metric=not_after&range=4")["items"] == {"labels": [], "values": []}
        assert sum(get(client, "stats?metric=not_after&range=60")["items"]["values"]) == 2

    @pytest.mark.parametrize(
        "query", ["", "metric=body", "metric=bits&range=x", "metric=bits&active=9", "metric=bits&destinationId=-1"]
    )
    def test_nonsense(self, people, query):
        get(api(people.charlie), f"stats?{query}", status=400)

    def test_the_message_that_lemurs_clients_know(self, people):
        said = get(api(people.charlie), "stats?metric=x", status=400)["message"]
        assert said == "Failed to retrieve stats: Stats not available for requested metric: x"


class TestSmallChanges:
    @pytest.mark.parametrize("address", ["", "/update/switches"])
    def test_switches(self, people, made, address):
        client = api(people.bob)
        answer = client.post(f"{URL}/{made.pk}{address}", {"notify": False, "rotation": True}, format="json")
        assert (answer.status_code, answer.json()["notify"], answer.json()["rotation"]) == (200, False, True)
        answer = client.post(f"{URL}/{made.pk}{address}", {"notify": True}, format="json")
        assert (answer.json()["notify"], answer.json()["rotation"]) == (True, True)
        bad = client.post(f"{URL}/{made.pk}{address}", {"notify": "x"}, format="json")
        assert (bad.status_code, bad.json()["reasons"]) == (400, {"notify": "Not a valid boolean."})
        assert get(client, f"{made.pk}/update/switches")["id"] == made.pk

    def test_owner(self, people, made):
        client = api(people.bob)
        answer = client.post(f"{URL}/{made.pk}/update/owner", {"owner": "New@example.org"}, format="json")
        assert answer.status_code == 200
        assert answer.json()["owner"] == "new@example.org"
        assert {one["name"] for one in answer.json()["roles"]} == {"new@example.org", "pki@example.org", "team-web"}
        labels = {one["label"] for one in answer.json()["notifications"]}
        assert labels == {f"DEFAULT_NEW_{day}_DAY" for day in (30, 15, 2)}
        assert client.post(f"{URL}/{made.pk}/update/owner", {}, format="json").status_code == 400

    def test_description(self, people, made):
        answer = api(people.bob).put(f"{URL}/{made.pk}/description", {"description": "of the shop"}, format="json")
        assert (answer.status_code, answer.json()["description"]) == (200, "of the shop")
        unknown = api(people.bob).put(f"{URL}/987654/description", {"description": "x"}, format="json")
        assert (unknown.status_code, unknown.json()) == (404, {"message": "Certificate not found"})

    def test_deletion_where_it_is_allowed(self, people, made, settings):
        client = api(people.bob)
        answer = client.delete(f"{URL}/{made.pk}")
        assert (answer.status_code, answer.json()) == (405, {"message": "Certificate deletion is disabled"})
        settings.ALLOW_CERT_DELETION = True
        assert api(people.charlie).delete(f"{URL}/{made.pk}").status_code == 403
        assert client.delete(f"{URL}/{made.pk}").status_code == 204
        again = client.delete(f"{URL}/{made.pk}")
        assert (again.status_code, again.json()["message"]) == (412, "Certificate is already deleted")
        assert client.delete(f"{URL}/987654").status_code == 404

    def test_put_replaces_lists_that_are_there_and_no_others(self, people, made):
        mine = Notification.objects.create(label="mine", plugin="none")
        client = api(people.bob)
        answer = client.put(f"{URL}/{made.pk}", {"notifications": [{"id": mine.pk}], "active": False}, format="json")
        assert answer.status_code == 200, answer.json()
        assert {one["label"] for one in answer.json()["notifications"]} == {
            "mine", *(f"DEFAULT_ALICE_{day}_DAY" for day in (30, 15, 2)),
        }  # fmt: skip
        assert answer.json()["active"] is False
        assert len(answer.json()["roles"]) == 3


class TestReissue:
    def test_over_http(self, people, made):
        answer = api(people.bob).post(f"{URL}/{made.pk}/reissue")
        assert answer.status_code == 200, answer.json()
        new = answer.json()
        assert (new["owner"], new["cn"], new["keyType"]) == (made.owner, made.cn, made.key_type)
        assert new["replaces"] == []
        assert new["description"] == f"Reissued by Lemur for cert ID {made.pk}"
        assert new["user"]["username"] == "bob"

    def test_in_its_place(self, people, made):
        answer = api(people.bob).post(f"{URL}/{made.pk}/reissue", {"replace": True}, format="json")
        assert [one["id"] for one in answer.json()["replaces"]] == [made.pk]
        made.refresh_from_db()
        assert made.notify is False

    def test_by_those_who_may(self, people, root_ca, made):
        for person, status in ((people.charlie, 403), (people.dora, 403), (people.root, 200)):
            assert api(person).post(f"{URL}/{made.pk}/reissue").status_code == status
        own = Certificate.objects.get(root_authority=root_ca)
        assert api(people.root).post(f"{URL}/{own.pk}/reissue").status_code == 412
        assert api(people.root).post(f"{URL}/987654/reissue").status_code == 404

    def test_sent_twice_is_done_once(self, people, made):
        client = api(people.bob)
        first, second = (
            client.post(f"{URL}/{made.pk}/reissue", {"replace": True}, format="json", HTTP_IDEMPOTENCY_KEY="k")
            for _ in "12"
        )
        assert first.json() == second.json()
        assert service.get(made.pk).replaced.count() == 1
