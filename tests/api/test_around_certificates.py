"""Orders, domains, endpoints, DNS providers and defaults over the API (contract 11)."""

from __future__ import annotations

import pytest

from authorities.models import Authority, DnsProvider
from certificates.models import Certificate, Domain, Order
from lifecycle.models import Endpoint
from notifications.models import Notification
from plugins import Pending, registry
from stores.models import Destination, Source
from tests.factories import a_certificate, an_order
from tests.odd_issuer import OddIssuer
from tests.people import api
from tests.unit.certificates.service.test_odd_answers import odd_ca  # noqa: F401
from tests.unit.certificates.service.test_orders import issued_for, unknown  # noqa: F401

pytestmark = pytest.mark.django_db


def get(client, address, status=200):
    answer = client.get(f"/api/1/{address}")
    assert answer.status_code == status, answer.content
    return answer.json()


class TestOrders:
    def test_a_ca_that_answers_later(self, people, odd_ca, monkeypatch):  # noqa: F811
        monkeypatch.setattr(OddIssuer, "answer", Pending("ca-17", None))
        client = api(people.alice)
        body = {"owner": "alice@example.org", "commonName": "x.example.org", "authority": {"id": odd_ca.pk}}
        placed = client.post("/api/1/certificates", body, format="json")
        assert placed.status_code == 202
        order = placed.json()
        assert (order["body"], order["chain"], order["pending"], order["cn"]) == (None, None, True, "x.example.org")
        assert get(client, f"pending_certificates/{order['id']}") == order
        assert get(client, "pending_certificates") == {"items": [order], "total": 1}
        assert get(client, "pending_certificates?cn=x.example&q=x.ex&filter=owner;ali")["total"] == 1
        assert get(client, "pending_certificates?state=done")["total"] == 0
        cancelled = client.delete(f"/api/1/pending_certificates/{order['id']}", {"note": "no"}, format="json")
        assert (cancelled.status_code, cancelled.content) == (204, b"")
        assert get(client, "pending_certificates")["total"] == 0
        after = get(client, f"pending_certificates/{order['id']}")
        assert (after["resolved"], after["lastError"]) == (True, "Cancelled by alice. no")
        assert client.delete(f"/api/1/pending_certificates/{order['id']}").status_code == 204

    def test_it_was_issued(self, people, unknown):  # noqa: F811
        address = f"pending_certificates/{unknown.pk}"
        client = api(people.alice)
        assert get(client, address)["status"] == "unknown"
        assert client.post(f"/api/1/{address}/upload", {"body": "x"}, format="json").status_code == 400
        assert get(client, f"{address}/key")["key"].startswith("-----BEGIN")
        answer = client.post(f"/api/1/{address}/upload", {"body": issued_for(unknown).body}, format="json")
        assert answer.status_code == 200, answer.json()
        assert answer.json()["resolvedCertId"] == Certificate.objects.get(cn="www.example.org").pk
        assert answer.json()["body"].startswith("-----BEGIN")
        assert client.post(f"/api/1/{address}/upload", {"body": "x"}, format="json").status_code in (400, 412)

    def test_it_was_not(self, people, unknown, monkeypatch):  # noqa: F811
        client = api(people.alice)
        monkeypatch.setattr(OddIssuer, "answer", Pending("ca-18", None))
        assert client.post(f"/api/1/pending_certificates/{unknown.pk}/retry").status_code == 202
        monkeypatch.setattr(OddIssuer, "answer", issued_for(unknown))
        made = client.post(f"/api/1/pending_certificates/{unknown.pk}/retry")
        assert (made.status_code, made.json()["cn"]) == (200, "www.example.org")
        assert client.post(f"/api/1/pending_certificates/{unknown.pk}/retry").status_code == 412

    def test_by_whom(self, people, unknown):  # noqa: F811
        for person in (people.charlie, people.dora):
            client = api(person)
            assert get(client, f"pending_certificates/{unknown.pk}")["id"] == unknown.pk
            get(client, f"pending_certificates/{unknown.pk}/key", status=403)
            assert client.delete(f"/api/1/pending_certificates/{unknown.pk}").status_code == 403
            assert client.post(f"/api/1/pending_certificates/{unknown.pk}/retry").status_code == 403
        get(api(people.root), "pending_certificates/987654", status=404)
        assert Order.objects.get().state == "unknown"

    def test_it_has_the_full_shape_of_a_certificate(self, people, root_ca, odd_ca, monkeypatch):  # noqa: F811
        monkeypatch.setattr(OddIssuer, "answer", Pending("ca-17", None))
        old, client = a_certificate(people.alice, root_ca, roles=[people.team]), api(people.alice)
        notification, destination = (
            model.objects.create(label="x", plugin="none") for model in (Notification, Destination)
        )
        notification.certificates.add(old)
        body = {
            "owner": "alice@example.org", "commonName": "www.example.org", "authority": {"id": odd_ca.pk},
            "extensions": {"subAltNames": {"names": [{"nameType": "DNSName", "value": "new.example.org"}]}},
            "keyType": "ECCPRIME256V1", "roles": [{"id": people.team.pk}], "replaces": [{"id": old.pk}],
            "notifications": [{"id": notification.pk}], "organization": "Example",
        }  # fmt: skip
        order = client.post("/api/1/certificates", body, format="json").json()
        Order.objects.update(spec={**Order.objects.get(pk=order["id"]).spec, "destinations": [destination.pk]})
        order, certificate = get(client, f"pending_certificates/{order['id']}"), get(client, f"certificates/{old.pk}")
        assert set(certificate) <= set(order)
        for name in ("body", "chain", "issuer", "serial", "serialHex", "signingAlgorithm", "fingerprint"):
            assert order[name] is None
        for name in (
            "bits",
            "keyType",
            "deleted",
            "hasPrivateKey",
            "endpoints",
            "replaced",
            "replacedBy",
            "rotationPolicy",
        ):
            assert order[name] == certificate[name]
        assert order["domains"] == [
            *certificate["domains"],
            {"id": None, "name": "new.example.org", "sensitive": False},
        ]
        assert (order["san"], order["distinguishedName"]) == (True, "O=Example,CN=www.example.org")
        assert [one["id"] for one in order["replaces"]] == [old.pk]
        assert [one["name"] for one in order["roles"]] == ["team-web"]
        assert (
            [one["label"] for one in order["notifications"]] == [one["label"] for one in order["destinations"]] == ["x"]
        )
        assert [one["value"] for one in order["extensions"]["subAltNames"]["names"]] == [
            "www.example.org",
            "new.example.org",
        ]
        assert set(order["authority"]) == set(certificate["authority"])
        assert "organization" not in order
        Authority.objects.filter(pk=odd_ca.pk).update(cab_compliant=False)
        assert get(client, f"pending_certificates/{order['id']}")["organization"] == "Example"

    def test_it_can_be_changed(self, people, unknown):  # noqa: F811
        address, client = f"/api/1/pending_certificates/{unknown.pk}", api(people.alice)
        changes = {"owner": "Alice@Example.org", "active": False, "roles": [{"name": "team-web"}], "description": None}
        changed = client.put(address, changes, format="json")
        assert changed.status_code == 200, changed.json()
        assert changed.json() == get(client, f"pending_certificates/{unknown.pk}")
        assert [changed.json()[name] for name in ("notify", "active", "description")] == [False, False, ""]
        assert api(people.bob).put(address, {"rotation": True}, format="json").json()["rotation"]
        for body in ({}, {"owner": "nobody"}, {"roles": [{"name": "?"}]}):
            assert client.put(address, body, format="json").status_code == 400
        assert client.patch(address, changes, format="json").status_code == 405
        assert client.delete(address).status_code == 204
        assert client.put(address, changes, format="json").status_code == 412

    def test_who_may_not_is_told_so_whatever_the_body_says(self, people, unknown):  # noqa: F811
        address, client = f"/api/1/pending_certificates/{unknown.pk}", api(people.charlie)
        for body in ({}, {"owner": 7}, {"note": 7}, {"body": "x"}):
            assert client.put(address, body, format="json").status_code == 403
            assert client.delete(address, body, format="json").status_code == 403
            assert client.post(f"{address}/upload", body, format="json").status_code == 403
        assert client.put("/api/1/pending_certificates/987654", {}, format="json").status_code == 404

    def test_statements(self, people, root_ca, unknown, django_assert_max_num_queries):  # noqa: F811
        """However many there are, and whatever hangs on them."""
        client = api(people.bob)
        for number in range(3):
            an_order(people.alice, authority=root_ca, common_name=f"{number}.example.org", owner="x@example.org")
        row = Notification.objects.create(label="x", plugin="none")
        for order in Order.objects.all():
            order.spec = {**order.spec, "notifications": [row.pk], "roles": [people.team.pk]}
            order.save()
        with django_assert_max_num_queries(9):
            assert get(client, "pending_certificates")["total"] == 4


class TestDomains:
    def test_all_of_it(self, people, root_ca):
        a_certificate(people.alice, root_ca)
        client, root = api(people.alice), api(people.root)
        made = client.post("/api/1/domains", {"name": "Shop.example.org"}, format="json")
        assert (made.status_code, made.json()["name"], made.json()["sensitive"]) == (200, "shop.example.org", False)
        pk = made.json()["id"]
        assert get(client, f"domains/{pk}") == made.json()
        assert get(client, "domains?sortBy=name&sortDir=asc")["items"][0]["name"] == "shop.example.org"
        assert get(client, "domains?filter=name;www")["total"] == 1
        assert get(client, "domains?filter=sensitive;true")["total"] == 0
        assert client.put(f"/api/1/domains/{pk}", {"sensitive": True}, format="json").status_code == 403
        changed = root.put(f"/api/1/domains/{pk}", {"name": "shop.example.org", "sensitive": True}, format="json")
        assert (changed.status_code, changed.json()["sensitive"]) == (200, True)
        assert root.put(f"/api/1/domains/{pk}", {"name": "other", "sensitive": True}, format="json").status_code == 400
        assert root.put(f"/api/1/domains/{pk}", {}, format="json").status_code == 400
        assert client.post("/api/1/domains", {"name": "shop.example.org"}, format="json").status_code == 409
        assert client.post("/api/1/domains", {"name": "a b"}, format="json").json()["reasons"].keys() == {"name"}
        assert client.delete(f"/api/1/domains/{pk}").status_code == 405
        get(client, "domains/987654", status=404)
        assert Domain.objects.count() == 2


class TestEndpoints:
    @pytest.fixture
    def one(self, people, root_ca) -> Endpoint:
        policy = {
            "name": "old",
            "ciphers": [{"name": "RC4-SHA", "deprecated": True}, {"name": "ECDHE", "deprecated": False}],
        }
        return Endpoint.objects.create(
            name="front", dnsname="www.example.org", dns_aliases=["alias.example.org"], port=443, type="elb", policy=policy,
            source=Source.objects.create(label="Scan", plugin="none"), certificate=a_certificate(people.alice, root_ca),
        )  # fmt: skip

    def test_shown(self, people, one):
        shown = get(api(people.charlie), f"endpoints/{one.pk}")
        assert (shown["name"], shown["dnsname"], shown["port"], shown["sourceLabel"]) == (
            "front",
            "www.example.org",
            443,
            "Scan",
        )
        assert shown["dnsAliases"] == ["alias.example.org"]
        assert shown["certificate"]["id"] == one.certificate.pk
        assert shown["policy"]["ciphers"][0] == {"id": 1, "name": "RC4-SHA", "deprecated": True}
        assert shown["issues"] == [{"name": "deprecated cipher", "value": "RC4-SHA"}]
        Certificate.objects.update(status="revoked")
        assert {issue["name"] for issue in get(api(people.charlie), f"endpoints/{one.pk}")["issues"]} == {
            "deprecated cipher",
            "revoked",
        }

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("filter=name;alias", 1), ("filter=name;FRONT", 1), ("filter=name;zzz", 0), ("filter=port;443", 1), ("filter=port;80", 0),
            ("filter=active;true", 1), ("filter=ciphers;rc4", 1), ("filter=ciphers;aes", 0), ("filter=source;scan", 1),
            ("filter=type;elb", 1), ("filter=owner;x", 0), ("q=www", 1), ("sortBy=dnsname&sortDir=desc", 1),
        ],
    )  # fmt: skip
    def test_filters(self, people, one, query, found):
        assert get(api(people.charlie), f"endpoints?{query}")["total"] == found

    def test_nothing_else(self, people, one, django_assert_max_num_queries):
        client = api(people.root)
        for method in (client.put, client.delete, client.patch):
            assert method(f"/api/1/endpoints/{one.pk}").status_code == 405
        get(client, "endpoints?filter=port;x", status=400)
        with django_assert_max_num_queries(8):
            get(client, "endpoints")


def test_dns_providers(people):
    client, root = api(people.alice), api(people.root)
    offered = get(client, "dns_provider_options")
    assert offered["total"] == len(offered["options"]) == len(registry.of_kind("dns"))
    assert all(option["requirements"] for option in offered["options"])
    body = {"name": "r53", "description": "", "providerType": {"slug": "route54", "pluginOptions": []}}
    assert client.post("/api/1/dns_providers", body, format="json").status_code == 403
    refused = root.post("/api/1/dns_providers", body, format="json")
    assert (refused.status_code, "plugin" in refused.json()["reasons"]) == (400, True)
    pk = DnsProvider.objects.create(name="r53", plugin="route53").pk
    assert get(client, "dns_providers?filter=name;r5")["items"][0]["providerType"] == "route53"
    changed = root.put(f"/api/1/dns_providers/{pk}", {"description": "new", "active": False}, format="json")
    assert (changed.status_code, changed.json()["description"], changed.json()["active"]) == (200, "new", False)
    assert client.put(f"/api/1/dns_providers/{pk}", {"name": "x"}, format="json").status_code == 403
    assert client.delete(f"/api/1/dns_providers/{pk}").status_code == 403
    for _ in "12":
        assert root.delete(f"/api/1/dns_providers/{pk}").json() == {"result": True}
    get(client, f"dns_providers/{pk}", status=404)


def test_defaults(people, root_ca, settings):
    settings.LEMUR_DEFAULT_COUNTRY, settings.LEMUR_DEFAULT_AUTHORITY = "DE", "Root"
    shown = get(api(people.alice), "defaults")
    assert shown == {
        "country": "DE", "state": "", "location": "", "organization": "", "organizationalUnit": "",
        "issuerPlugin": "cryptography-issuer", "authority": "Root",
    }  # fmt: skip
    assert get(api(people.charlie), "defaults")["authority"] is None


@pytest.mark.parametrize(("kind", "status"), [("issuer", 200), ("export", 200), ("nothing", 404)])
def test_plugins_of_one_type(people, kind, status):
    answer = get(api(people.alice), f"plugins?type={kind}", status=status)
    assert status == 404 or {one["type"] for one in answer["items"]} == {kind}
