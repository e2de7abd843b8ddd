"""Pages of editing, renewing, orders, domains and endpoints: they parse, call one service, and show what comes of it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from certificates import service
from certificates.forms import EditForm
from certificates.models import Certificate, Domain, Order, RotationPolicy, update_destinations
from lifecycle.models import Endpoint
from notifications.models import Notification
from plugins import Pending
from stores.models import Destination, Source
from tests import odd_stores
from tests.factories import a_certificate
from tests.odd_issuer import OddIssuer
from tests.unit.certificates.service.test_odd_answers import odd_ca  # noqa: F401
from tests.unit.certificates.service.test_orders import issued_for, unknown  # noqa: F401

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def one(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, roles=[people.team])


def shown(client, address, status=200):
    answer = client.get(address, follow=True)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


class TestEdit:
    @pytest.fixture
    def fields(self, people, one, monkeypatch):
        odd_stores.register(monkeypatch)
        place = Destination(label="web servers")
        place.configure("odd-destination", {})
        place.save()
        old = a_certificate(people.alice, one.authority, cn="old.example.org", roles=[people.team])
        told = Notification.objects.create(label="mine", plugin="none")
        return {
            "owner": "new@example.org", "description": "the shop", "notify": "on", "rotation": "on",
            "rotation_policy": RotationPolicy.usual().pk, "roles": [people.team.pk], "destinations": [place.pk],
            "notifications": [told.pk], "replaces": f"\n {old.name} \n{old.name}\n",
            "tags": "Env:Prod, pci pci",
        }  # fmt: skip

    def test_everything_at_once(self, people, one, fields):
        client = browser(people.bob)
        page = shown(client, f"/certificates/{one.pk}/edit")
        assert "web servers" in page
        assert client.post(f"/certificates/{one.pk}/edit", fields).status_code == 302
        one = Certificate.objects.get(pk=one.pk)
        assert (one.owner, one.description, one.notify, one.rotation) == ("new@example.org", "the shop", True, True)
        assert [place.label for place in one.destinations.all()] == ["web servers"]
        assert {told.label for told in one.notifications.all()} == {
            "mine",
            *(f"DEFAULT_NEW_{day}_DAY" for day in (30, 15, 2)),
        }
        assert [old.cn for old in one.replaces.all()] == ["old.example.org"]
        page = shown(client, f"/certificates/{one.pk}")
        for text in ("web servers", "by itself", "mine", "old.example.org", 'href="/certificates/?tag=env%3Aprod"'):
            assert text in page
        page = shown(client, f"/certificates/{one.pk}/edit")
        assert one.replaces.get().name in page
        assert page.count('value="env:prod, pci"') == 2  # and what was shown

    def test_what_others_did_while_the_form_was_open_stays(self, people, one, fields):
        client, address = browser(people.bob), f"/certificates/{one.pk}/edit"
        gone, kept, late = (Destination.objects.create(label=label, plugin="none") for label in ("a", "b", "c"))
        older = a_certificate(people.alice, one.authority, cn="older.example.org", roles=[people.team])
        for place in (gone, kept):
            update_destinations(one, place)
        service.update(one.pk, by=people.alice, replaces=[older], tags=["kept", "gone"])
        form = EditForm(instance=Certificate.objects.get(pk=one.pk))
        page = shown(client, address)
        sent = {field.html_name: field.value() for field in form}
        sent |= {field.html_initial_name: field.value() for field in form if field.field.show_hidden_initial}
        sent |= {"tags": "kept, new"}
        for name in ("roles", "destinations", "notifications", "replaces", "tags"):
            assert f'name="initial-{name}"' in page
        update_destinations(one, late)
        service.update(one.pk, by=people.alice, description="by alice", replaces=[], tags=["kept", "gone", "late"])
        sent = {name: value for name, value in sent.items() if value not in (None, False)}
        answer = client.post(address, {**sent, "destinations": [kept.pk], "owner": one.owner})
        assert answer.status_code == 302
        assert set(one.destinations.all()) == {kept, late}
        one = Certificate.objects.get(pk=one.pk)
        assert (one.description, list(one.replaces.all())) == ("by alice", [])
        assert one.tag_names == ["kept", "late", "new"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"replaces": "nothing"}, "There is no certificate called nothing."), ({"owner": "x"}, "valid email"),
            ({"destinations": ["987654"]}, "not one of the available choices"), ({"rotation_policy": "x"}, "not one of the"),
            ({"tags": "größe"}, "is no tag: use 1 to 64"), ({"tags": " ".join(map(str, range(51)))}, "at most 50 tags"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_stands_at_its_field(self, people, one, fields, changes, said):
        answer = browser(people.bob).post(f"/certificates/{one.pk}/edit", {**fields, **changes})
        assert answer.status_code == 400
        assert said in answer.content.decode()


class TestReissue:
    def test_says_what_will_be_made_and_makes_it(self, people, one):
        client = browser(people.bob)
        page = shown(client, f"/certificates/{one.pk}/reissue")
        assert "www.example.org" in page
        assert f'href="/certificates/{one.pk}/reissue"' in shown(client, f"/certificates/{one.pk}")
        answer = client.post(f"/certificates/{one.pk}/reissue", {"replace": "on"})
        new = one.replaced.get()
        assert (answer.status_code, answer["Location"]) == (302, f"/certificates/{new.pk}")

    def test_while_another_order_is_open(self, people, one):
        done = a_certificate(people.alice, one.authority)
        Order.objects.filter(certificate=done).update(reissues=one, state="waiting")
        client = browser(people.bob)
        assert "renewed already" in shown(client, f"/certificates/{one.pk}/reissue")
        answer = client.post(f"/certificates/{one.pk}/reissue", {})
        assert (answer.status_code, "open already" in answer.content.decode()) == (409, True)

    def test_what_cannot_be(self, people, one):
        one.authority.profiles.clear()
        assert "cannot be reissued" in shown(browser(people.bob), f"/certificates/{one.pk}/reissue")
        shown(browser(people.charlie), f"/certificates/{one.pk}/reissue", status=403)


class TestOrders:
    def test_it_was_issued(self, people, unknown):  # noqa: F811
        client = browser(people.alice)
        assert "www.example.org" in shown(client, "/certificates/orders")
        address = f"/certificates/orders/{unknown.pk}"
        assert "Record the certificate" in shown(client, address)
        wrong = client.post(f"{address}/upload", {"body": "x"})
        assert wrong.status_code == 400
        answer = client.post(f"{address}/upload", {"body": issued_for(unknown).body})
        made = Certificate.objects.get(cn="www.example.org")
        assert (answer.status_code, answer["Location"]) == (302, f"/certificates/{made.pk}")
        assert "has led to a certificate" in shown(client, address)
        assert "No order is open" in shown(client, "/certificates/orders")
        assert "www.example.org" in shown(client, "/certificates/orders?state=done")

    def test_it_was_not(self, people, unknown, monkeypatch):  # noqa: F811
        client, address = browser(people.alice), f"/certificates/orders/{unknown.pk}"
        monkeypatch.setattr(OddIssuer, "answer", Pending("ca-18", None))
        assert client.post(f"{address}/retry")["Location"] == address
        unknown.refresh_from_db()
        assert (unknown.state, unknown.external_id) == ("waiting", "ca-18")
        assert client.post(f"{address}/cancel", {"note": "wrong name"})["Location"] == address
        page = shown(client, address)
        assert "wrong name" in page
        assert "Give the order up" not in page
        assert "Try again" not in page
        assert "place a new order" in page
        assert "was destroyed" in client.post(f"{address}/retry", follow=True).content.decode()

    def test_a_double_click_asks_once(self, people, unknown, monkeypatch):  # noqa: F811
        client, address = browser(people.alice), f"/certificates/orders/{unknown.pk}"
        page = shown(client, address)
        token = re.findall(r'name="once" value="([^"]+)"', page.split("Try again")[0])[-1]
        monkeypatch.setattr(OddIssuer, "asked", [])
        monkeypatch.setattr(OddIssuer, "answer", issued_for(unknown))
        first, second = (client.post(f"{address}/retry", {"once": token}) for _ in range(2))
        assert (
            first["Location"] == second["Location"] == Certificate.objects.get(cn="www.example.org").get_absolute_url()
        )
        assert len(OddIssuer.asked) == 1

    def test_by_whom(self, people, unknown):  # noqa: F811
        client, address = browser(people.charlie), f"/certificates/orders/{unknown.pk}"
        assert "Record the certificate" not in shown(client, address)
        for verb in ("upload", "retry", "cancel"):
            assert client.post(f"{address}/{verb}", {"body": "x"}).status_code == 403
            assert client.get(f"{address}/{verb}").status_code == 405


def test_domains(people, one):
    client, root = browser(people.bob), browser(people.root)
    domain = Domain.objects.get(name="www.example.org")
    assert "Mark as sensitive" not in shown(client, "/domains/")
    assert "Mark as sensitive" in shown(root, "/domains/?q=www")
    assert client.post(f"/domains/{domain.pk}/mark", {"sensitive": "on"}).status_code == 403
    assert root.post(f"/domains/{domain.pk}/mark", {"sensitive": "on"}).status_code == 302
    assert "www.example.org" in shown(client, "/domains/?sensitive=true")
    root.post(f"/domains/{domain.pk}/mark", {})
    assert "No domain matches" in shown(client, "/domains/?sensitive=true")
    assert client.post("/domains/new", {"name": "bank.example.org"})["Location"] == "/domains/"
    assert client.post("/domains/new", {"name": "bank.example.org"}).status_code == 409
    shown(browser(people.dora), "/domains/new", status=403)


def test_endpoints(people, one):
    client = browser(people.charlie)
    assert "No endpoints yet" in shown(client, "/endpoints/")
    source = Source.objects.create(label="scan", plugin="none")
    Endpoint.objects.create(name="x", dnsname="front.example.org", port=443, type="elb", source=source, certificate=one)
    page = shown(client, "/endpoints/?q=front")
    assert "front.example.org:443" in page
    assert "No endpoint matches" in shown(client, "/endpoints/?q=zzz")
    assert "front.example.org:443" in shown(client, f"/certificates/{one.pk}")


def test_the_list_narrowed_by_place_and_notification(people, one):
    client = browser(people.charlie)
    told = one.notifications.first()
    assert one.name in shown(client, f"/certificates/?notification={told.pk}")
    assert "No certificate" in shown(client, f"/certificates/?notification={told.pk}&rotation=true&phase=valid")
    place = Destination.objects.create(label="x", plugin="none")
    assert one.name not in shown(client, f"/certificates/?destination={place.pk}")
