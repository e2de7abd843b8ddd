"""Pages of DNS providers."""

from __future__ import annotations

import pytest
from django.test import Client

from authorities import service
from authorities.models import DnsProvider
from core.connectors import NewConnector
from plugins.dns.rfc2136 import Rfc2136Dns
from plugins.errors import Temporary
from tests.factories import a_certificate
from tests.visiting import client, messages_of

pytestmark = pytest.mark.django_db
SECRET = "c2VjcmV0LWNhbmFyeQ=="
HOSTILE = "<script>alert(1)</script>"
OPTIONS = {"server": "ns1.example.org", "zone": "example.org", "keyName": "lemur", "keySecret": SECRET}


@pytest.fixture
def admin(people) -> Client:
    return client(people.root)


@pytest.fixture
def provider(people) -> DnsProvider:
    new = NewConnector(label=f"ours {HOSTILE}", plugin="rfc2136-dns", options=OPTIONS, description=HOSTILE)
    return service.create_dns_provider(new, by=people.root)


def test_from_the_menu_to_one_that_exists(admin):
    assert 'href="/dns-providers/"' in admin.get("/").content.decode()
    empty = admin.get("/dns-providers/").content.decode()
    assert "No DNS providers yet" in empty
    assert "then connect the CA" in empty
    cards = admin.get("/dns-providers/new").content.decode()
    for slug in ("rfc2136-dns", "powerdns-dns", "route53-dns", "cloudflare-dns"):
        assert f'href="/dns-providers/new/{slug}"' in cards
    assert "sftp-destination" not in cards
    form = admin.get("/dns-providers/new/rfc2136-dns").content.decode()
    assert "The name of the TSIG key." in form
    body = {"own_label": "ours", "own_active": "on", **OPTIONS, "port": "5300"}
    answer = admin.post("/dns-providers/new/rfc2136-dns", body, follow=True)
    assert messages_of(answer) == ["It was created."]
    made = DnsProvider.objects.get()
    assert (made.name, made.active, made.options["port"]) == ("ours", True, 5300)
    shown = answer.content.decode()
    assert "ns1.example.org" in shown
    assert "set, and kept secret" in shown
    assert SECRET not in shown


def test_what_is_wrong_stands_at_the_field_and_the_secret_is_not_sent_back(admin, provider):
    for address in ("/dns-providers/new/rfc2136-dns", f"/dns-providers/{provider.pk}/edit"):
        answer = admin.post(address, {"own_label": "x", **OPTIONS, "zone": "a..b"})
        assert answer.status_code == 400
        assert list(answer.context["form"].errors) == ["zone"]
        assert SECRET not in answer.content.decode()
    answer = admin.post("/dns-providers/new/rfc2136-dns", OPTIONS)
    assert list(answer.context["form"].errors) == ["own_label"]


def test_a_name_that_is_taken(admin, provider):
    answer = admin.post("/dns-providers/new/rfc2136-dns", {"own_label": provider.name, **OPTIONS})
    assert (answer.status_code, "already a dns provider called" in answer.content.decode()) == (409, True)


def test_a_kind_that_is_none(admin):
    for slug in ("no-such", "acme-issuer"):
        assert admin.get(f"/dns-providers/new/{slug}").status_code == 404


def test_editing_keeps_the_secret_that_is_left_empty(admin, provider):
    address = f"/dns-providers/{provider.pk}/edit"
    page = admin.get(address).content.decode()
    assert "Leave empty to keep what is stored" in page
    assert SECRET not in page
    body = {"own_label": "renamed", **OPTIONS, "zone": "example.com", "keySecret": ""}
    assert admin.post(address, body).status_code == 302
    provider.refresh_from_db()
    assert (provider.name, provider.active, provider.options["zone"]) == ("renamed", False, "example.com")
    assert provider.open().options.key_secret.get_secret_value() == SECRET


def test_a_secret_does_not_go_to_another_server(admin, provider):
    body = {"own_label": "x", **OPTIONS, "server": "ns.evil.example", "keySecret": ""}
    answer = admin.post(f"/dns-providers/{provider.pk}/edit", body)
    assert answer.status_code == 400
    assert "must be given again, because server changed" in str(answer.context["form"].errors["keySecret"])


def test_names_of_strangers_are_shown_as_they_are(admin, provider):
    for address in ("", f"{provider.pk}", f"{provider.pk}/edit", f"{provider.pk}/delete"):
        page = admin.get(f"/dns-providers/{address}").content.decode()
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


def test_readers_see_it_and_nothing_to_press(people, provider):
    dora = client(people.dora)
    for address in ("/dns-providers/", f"/dns-providers/{provider.pk}"):
        page = dora.get(address)
        assert page.status_code == 200
        text = page.content.decode().partition("<main")[2]
        assert '<form method="post"' not in text
        assert "kept secret" not in text


@pytest.mark.parametrize("person", ["alice", "dora"])
def test_nobody_else_changes_anything(people, provider, person):
    one = client(getattr(people, person))
    for verb in ("edit", "delete", "check"):
        assert one.post(f"/dns-providers/{provider.pk}/{verb}", {"own_label": "x"}).status_code == 403
    assert one.get("/dns-providers/new").status_code == 403
    assert one.post("/dns-providers/new/rfc2136-dns", {"own_label": "x", **OPTIONS}).status_code == 403
    assert DnsProvider.objects.get().name == provider.name


def test_trying_the_connection(admin, provider, monkeypatch):
    address = f"/dns-providers/{provider.pk}/check"
    assert admin.get(address).status_code == 405
    monkeypatch.setattr(Rfc2136Dns, "check", lambda self: None)
    assert messages_of(admin.post(address, follow=True)) == ["The connection works."]

    def trouble(self):
        raise Temporary("nobody answers")

    monkeypatch.setattr(Rfc2136Dns, "check", trouble)
    assert messages_of(admin.post(address, follow=True)) == ["It does not work: nobody answers"]


def test_who_uses_it_is_shown_and_said_before_it_is_deleted(admin, people, root_ca, provider):
    page = admin.get(f"/dns-providers/{provider.pk}").content.decode()
    assert "None yet" in page
    assert (
        "No authority has its challenges answered there."
        in admin.get(f"/dns-providers/{provider.pk}/delete").content.decode()
    )
    service.update(root_ca, by=people.root, dns_provider=provider)
    certificate = a_certificate(people.alice, root_ca)
    certificate.dns_provider = provider
    certificate.save()
    for address in (f"/dns-providers/{provider.pk}", f"/dns-providers/{provider.pk}/delete"):
        page = admin.get(address).content.decode()
        assert root_ca.get_absolute_url() in page
        assert "1 certificate was ordered with it" in page
    assert "1 authority has its challenges answered there." in page
    answer = admin.post(f"/dns-providers/{provider.pk}/delete", follow=True)
    assert messages_of(answer) == [f"{provider.name} was deleted."]
    root_ca.refresh_from_db()
    assert root_ca.dns_provider is None


def test_the_list_is_searched_and_swapped(admin, people, provider):
    other = NewConnector(label="cloud", plugin="route53-dns", options={})
    service.create_dns_provider(other, by=people.root)
    page = admin.get("/dns-providers/?q=CLOU", headers={"HX-Request": "true"}).content.decode()
    assert ("cloud" in page, "ours" in page, "<html" in page) == (True, False, False)
    assert "Nothing matches" in admin.get("/dns-providers/?q=zzz").content.decode()
    assert admin.get("/dns-providers/?ordering=name&active=true").status_code == 200


def test_the_list_needs_a_fixed_number_of_statements(admin, people, django_assert_max_num_queries):
    for number in range(10):
        new = NewConnector(label=f"n{number}", plugin="rfc2136-dns", options=OPTIONS)
        service.create_dns_provider(new, by=people.root)
    with django_assert_max_num_queries(8):
        admin.get("/dns-providers/")
