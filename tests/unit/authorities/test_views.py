"""Pages of authorities: connecting a CA elsewhere, and what may be changed of one."""

from __future__ import annotations

import pytest
from django.test import Client

from authorities import service
from authorities.models import Authority, DnsProvider
from core.connectors import NewConnector
from tests.pki_material import material
from tests.visiting import client, messages_of

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"
DIRECTORY = "https://acme.example.org/directory"
TOKEN = "s.vault-canary"


@pytest.fixture
def admin(people) -> Client:
    return client(people.root)


@pytest.fixture
def provider(people) -> DnsProvider:
    options = {"server": "ns1.example.org", "keyName": "lemur", "keySecret": "c2VjcmV0"}
    return service.create_dns_provider(
        NewConnector(label="ours", plugin="rfc2136-dns", options=options), by=people.root
    )


def acme(**changes: object) -> dict[str, object]:
    """What the form sends."""
    fields = {"own_name": "ACME", "own_owner": "pki@example.org", "acme_url": DIRECTORY, "challenge": "dns-01"}
    return {**fields, "certificate": material().root.pem, "email": "pki@example.org", "termsAgreed": "on", **changes}


@pytest.fixture
def connected(admin, people, provider) -> Authority:
    answer = admin.post(
        "/authorities/connect/acme-issuer", acme(own_dns_provider=provider.pk, own_roles=[people.team.pk])
    )
    assert answer.status_code == 302, answer.context["form"].errors
    return Authority.objects.get(name="ACME")


def test_what_a_ca_elsewhere_may_speak(admin):
    assert 'href="/authorities/connect"' in admin.get("/authorities/").content.decode()
    page = admin.get("/authorities/connect").content.decode()
    for slug in ("acme-issuer", "cfssl-issuer", "vault-issuer"):
        assert f'href="/authorities/connect/{slug}"' in page
    assert "cryptography-issuer" not in page


@pytest.mark.parametrize("slug", ["cryptography-issuer", "no-such", "rfc2136-dns"])
def test_what_is_no_ca_elsewhere(admin, slug):
    assert admin.get(f"/authorities/connect/{slug}").status_code == 404
    assert admin.post(f"/authorities/connect/{slug}", acme()).status_code == 404


def test_only_a_plugin_that_proves_names_is_given_a_dns_provider(admin):
    page = admin.get("/authorities/connect/acme-issuer").content.decode()
    assert 'name="own_dns_provider"' in page
    assert "There is no DNS provider yet." in page
    assert "The CA&#x27;s directory, as https://acme-v02.api.letsencrypt.org/directory." in page
    page = admin.get("/authorities/connect/cfssl-issuer").content.decode()
    assert 'name="own_dns_provider"' not in page


def test_a_ca_is_connected(admin, people, provider):
    assert "There is no DNS provider yet." not in admin.get("/authorities/connect/acme-issuer").content.decode()
    fields = acme(own_dns_provider=provider.pk, own_description=HOSTILE, own_roles=[people.team.pk])
    answer = admin.post("/authorities/connect/acme-issuer", fields, follow=True)
    assert messages_of(answer) == ["The CA is connected."]
    made = Authority.objects.get(name="ACME")
    assert (made.body, made.private_key, made.dns_provider) == (material().root.pem, None, provider)
    assert people.team in made.roles.all()
    assert made.profiles.exists()
    page = answer.content.decode()
    for text in (DIRECTORY, provider.get_absolute_url(), "set, and kept secret", "&lt;script&gt;"):
        assert text in page
    assert HOSTILE not in page
    assert made.open().options.acme_private_key.get_secret_value() not in page
    assert "Create an intermediate" not in page


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"acme_url": "nowhere"}, "acme_url", "This does not match"),
        ({"acme_url": ""}, "acme_url", "This field is required."),
        ({"email": "nobody"}, "email", "This does not match"),
        ({"certificate": "junk"}, "certificate", "Option &#x27;certificate&#x27; cannot be validated"),
        ({"own_name": ""}, "own_name", "This field is required."),
        ({"own_name": "x" * 120}, "own_name", "at most 119 characters"),
        ({"own_owner": "nobody"}, "own_owner", "valid email address"),
        ({"own_dns_provider": "9" * 30}, "own_dns_provider", "valid choice"),
        ({"acme_private_key": "canary"}, "acme_private_key", "it is no private key"),
    ],
)
def test_what_is_wrong_stands_at_the_field(admin, changes, field, sentence):
    answer = admin.post("/authorities/connect/acme-issuer", acme(**changes))
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert sentence in str(answer.context["form"].errors[field])
    assert ">canary" not in answer.content.decode()
    assert not Authority.objects.exists()


def test_a_certificate_without_its_root_is_refused_at_its_field(admin):
    answer = admin.post("/authorities/connect/acme-issuer", acme(certificate=material().intermediate.pem))
    assert "up to the root" in str(answer.context["form"].errors["certificate"])
    answer = admin.post("/authorities/connect/acme-issuer", acme(certificate=material().leaf.pem + material().root.pem))
    assert list(answer.context["form"].errors) == ["certificate"]


def test_a_name_that_is_taken(admin, connected):
    answer = admin.post("/authorities/connect/acme-issuer", acme())
    assert (answer.status_code, "already exists" in answer.content.decode()) == (409, True)


def test_a_ca_that_does_not_answer_leaves_what_was_typed(admin):
    fields = {"own_name": "Vault", "own_owner": "pki@example.org", "url": "https://vault.invalid", "token": TOKEN}
    answer = admin.post("/authorities/connect/vault-issuer", {**fields, "mount": "pki", "role": "web"})
    page = answer.content.decode()
    assert (answer.status_code, "cannot be reached as it is configured" in page) == (412, True)
    assert "https://vault.invalid" in page
    assert TOKEN not in page


def test_options_are_changed_by_those_who_run_it(people, connected):
    bob, address = client(people.bob), f"/authorities/{connected.pk}/edit"
    assert f'href="{address}"' in bob.get(connected.get_absolute_url()).content.decode()
    key = connected.open().options.acme_private_key
    page = bob.get(address).content.decode()
    assert "Leave empty to keep what is stored" in page
    assert key.get_secret_value() not in page
    fields = acme(own_active="on", own_renewals_per_hour="5", own_dns_provider="", challenge="http-01")
    answer = bob.post(address, fields, follow=True)
    assert messages_of(answer) == ["Saved."]
    connected.refresh_from_db()
    assert (connected.options["challenge"], connected.renewals_per_hour, connected.dns_provider) == ("http-01", 5, None)
    assert connected.open().options.acme_private_key == key


def test_what_was_not_changed_is_left_alone(people, connected, monkeypatch):
    told: list[dict[str, object]] = []
    monkeypatch.setattr(service, "update", lambda authority, *, by, **changes: told.append(changes) or authority)
    fields = acme(own_dns_provider=connected.dns_provider_id, own_active="on", own_description="new")
    assert client(people.bob).post(f"/authorities/{connected.pk}/edit", fields).status_code == 302
    assert told == [{"description": "new"}]


def test_an_authority_of_our_own_is_switched_off_and_on(people, root_ca):
    bob, address = client(people.bob), f"/authorities/{root_ca.pk}/edit"
    page = bob.get(address).content.decode()
    assert "How it is reached" not in page
    assert bob.post(address, {"own_owner": "new@example.org"}).status_code == 302
    root_ca.refresh_from_db()
    assert (root_ca.owner, root_ca.active) == ("new@example.org", False)
    answer = bob.post(address, {"own_owner": "", "own_active": "on"})
    assert list(answer.context["form"].errors) == ["own_owner"]


@pytest.mark.parametrize("person", ["charlie", "dora"])
def test_nobody_else_connects_or_changes(people, connected, person):
    one = client(getattr(people, person))
    assert one.get("/authorities/connect").status_code == 403
    assert one.post("/authorities/connect/acme-issuer", acme(own_name="Mine")).status_code == 403
    assert one.post(f"/authorities/{connected.pk}/edit", acme()).status_code == 403
    page = one.get(connected.get_absolute_url()).content.decode()
    assert "/edit" not in page
    assert "kept secret" not in page
    assert DIRECTORY in page
