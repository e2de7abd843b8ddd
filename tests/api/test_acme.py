"""A CA that speaks ACME, connected and ordered from over the API: Pebble, with Knot as the zone's server."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from wsgiref.simple_server import make_server

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from django.utils.timezone import now as clock

from authorities import challenges
from authorities.models import Authority, DnsProvider, HttpChallenge
from certificates import service
from certificates.models import Certificate, Order
from core.failpoints import Injected
from plugins import network
from plugins.issuers import acme_order
from tests.people import People, api
from tests.pki_material import material
from tests.servers.knot import Knot, knot
from tests.servers.pebble import BLOCKED, Pebble, pebble

pytestmark = [pytest.mark.server("pebble", "knotd"), pytest.mark.django_db]
LATER = timedelta(hours=1)


@pytest.fixture(scope="module")
def names() -> Iterator[Knot]:
    with knot() as running:
        yield running


@pytest.fixture(scope="module")
def ca(names: Knot) -> Iterator[Pebble]:
    with pebble(names.address) as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))
    monkeypatch.setattr(acme_order, "FIRST_PAUSE", 0.05)


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def provider(people: People, names: Knot, **changes: object) -> dict[str, Any]:
    body = {
        "name": secrets.token_hex(4),
        "providerType": {"slug": "rfc2136-dns", "pluginOptions": names.options(**changes)},
    }
    made: dict[str, Any] = ok(api(people.root).post("/api/1/dns_providers", body, format="json"))
    return made


def connected(people: People, ca: Pebble, dns: dict[str, Any] | None = None, **options: object) -> dict[str, Any]:
    body = {
        "name": "Pebble",
        "commonName": "not looked at",
        "owner": "pki@example.org",
        "plugin": {"slug": "acme-issuer", "pluginOptions": ca.options(**options)},
        "roles": [{"id": people.team.pk}],
        "dnsProvider": dns and {"id": dns["id"]},
    }
    made: dict[str, Any] = ok(api(people.root).post("/api/1/authorities", body, format="json"))
    return made


def order(people: People, *hosts: str, status: int = 202, **fields: object) -> dict[str, Any]:
    names = [{"nameType": "DNSName", "value": host} for host in hosts]
    body = {
        "authority": {"name": "Pebble"},
        "owner": "alice@example.org",
        "commonName": hosts[0],
        "extensions": {"subAltNames": {"names": names}},
        **fields,
    }
    answered: dict[str, Any] = ok(api(people.alice).post("/api/1/certificates", body, format="json"), status)
    return answered


def fresh() -> str:
    return f"{secrets.token_hex(4)}.example.org"


def test_a_certificate_from_the_order_to_its_revocation(
    people: People,
    ca: Pebble,
    names: Knot,
    nudges: list[tuple[str, tuple[int | str, ...]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    shown = connected(people, ca, provider(people, names))
    assert (shown["body"], shown["chain"], shown["plugin"]["slug"]) == (ca.ca(), None, "acme-issuer")
    host = fresh()
    with django_capture_on_commit_callbacks(execute=True):
        pending = order(people, host, f"*.{host}")
    assert (pending["pending"], pending["resolved"]) == (True, False)
    assert ("certificates.fulfil", (pending["id"],)) in nudges, "nobody waits a minute for the sweep"
    certificate = service.fulfil(pending["id"])
    assert certificate is not None
    assert set(certificate.facts.domains) == {host, f"*.{host}"}
    assert certificate.authority.name == "Pebble"
    assert certificate.private_key is not None
    assert names.texts(f"_acme-challenge.{host}") == set()
    done = ok(api(people.alice).get(f"/api/1/pending_certificates/{pending['id']}"))
    assert (done["resolved"], done["resolvedCertId"]) == (True, certificate.pk)
    body = {"crlReason": "superseded"}
    ok(api(people.alice).put(f"/api/1/certificates/{certificate.pk}/revoke", body, format="json"))
    assert ca.status(certificate.parsed) == "Revoked"


def test_the_accounts_key_is_made_once_kept_sealed_and_shown_to_nobody(people: People, ca: Pebble) -> None:
    shown = connected(people, ca)
    options = {option["name"]: option["value"] for option in shown["plugin"]["pluginOptions"]}
    assert options["acme_private_key"] is None
    authority = Authority.objects.get()
    first, second = (authority.open().options.acme_private_key.get_secret_value() for _ in range(2))
    assert first == second
    assert first not in f"{shown} {authority.options}"
    assert first.encode() not in bytes(authority.secrets)


def test_the_orders_dns_provider_goes_before_the_authoritys(people: People, ca: Pebble, names: Knot) -> None:
    connected(people, ca, provider(people, names, keyName="powerless"))
    refused = order(people, fresh())
    assert service.fulfil(refused["id"]) is None
    assert "TSIG key" in Order.objects.get(pk=refused["id"]).last_error
    good = order(people, fresh(), dnsProvider={"id": provider(people, names)["id"]})
    assert isinstance(service.fulfil(good["id"]), Certificate)


def test_a_dns_provider_that_is_switched_off_is_not_used(people: People, ca: Pebble, names: Knot) -> None:
    dns = provider(people, names)
    connected(people, ca, dns)
    DnsProvider.objects.update(active=False)
    order(people, fresh(), status=503)
    assert "switched off" in Order.objects.get().last_error
    assert Order.objects.get().state == Order.State.WAITING


def test_what_the_ca_refuses_has_failed_and_nobody_need_look(people: People, ca: Pebble, names: Knot) -> None:
    connected(people, ca, provider(people, names))
    order(people, BLOCKED, status=503)
    assert Order.objects.get().state == Order.State.FAILED


def test_an_order_that_is_refused_later_has_failed_too(
    people: People, ca: Pebble, names: Knot, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(people, ca, provider(people, names))
    pending = order(people, fresh())
    monkeypatch.setattr("plugins.dns.rfc2136.Rfc2136Dns.add", lambda self, record: "")
    monkeypatch.setattr("plugins.dns.rfc2136.Rfc2136Dns.is_served", lambda self, record: True)
    assert service.fulfil(pending["id"]) is None
    failed = Order.objects.get()
    assert (failed.state, "The CA has refused the order" in failed.last_error) == ("failed", True)


def test_a_cancelled_order_is_given_up_at_the_ca(people: People, ca: Pebble, names: Knot) -> None:
    connected(people, ca, provider(people, names))
    pending, before = order(people, fresh()), len(ca.issued())
    answer = api(people.alice).delete(f"/api/1/pending_certificates/{pending['id']}", {"note": "no"}, format="json")
    assert answer.status_code == 204
    assert service.fulfil(pending["id"], now=clock() + LATER) is None
    assert len(ca.issued()) == before


STEPS = ("issue.before", "issue.after", "order.wait.before-commit", "order.wait.after-commit")
LAST_STEPS = ("issue.before", "issue.after", "record.before-commit", "record.after-commit")


@pytest.mark.parametrize("step", STEPS)
def test_dying_while_the_order_is_placed_makes_no_second_certificate(
    people: People, ca: Pebble, names: Knot, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    connected(people, ca, provider(people, names))
    before, host = len(ca.issued()), fresh()
    client = api(people.alice)
    client.raise_request_exception = False
    monkeypatch.setenv("FAILPOINTS", f"{step}=raise")
    body = {"authority": {"name": "Pebble"}, "owner": "alice@example.org", "commonName": host}
    assert client.post("/api/1/certificates", body, format="json").status_code == 500
    monkeypatch.delenv("FAILPOINTS")
    certificate = taken_up()
    assert len(ca.issued()) == before + 1
    assert [certificate.parsed.serial_number] == ca.issued()[before:]


@pytest.mark.parametrize("step", LAST_STEPS)
def test_dying_while_the_certificate_is_fetched_makes_no_second_one(
    people: People, ca: Pebble, names: Knot, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    connected(people, ca, provider(people, names))
    before = len(ca.issued())
    pending = order(people, fresh())
    monkeypatch.setenv("FAILPOINTS", f"{step}=raise")
    with pytest.raises(Injected):
        service.fulfil(pending["id"])
    monkeypatch.delenv("FAILPOINTS")
    certificate = Certificate.objects.filter(order=pending["id"]).first() or taken_up()
    assert [certificate.parsed.serial_number] == ca.issued()[before:]


def taken_up() -> Certificate:
    """By the sweep, once the lease has run out: as often as it takes."""
    now, made = clock(), None
    for hour in range(1, 5):
        made = made or service.fulfil(Order.objects.get().pk, now=now + hour * LATER)
    assert made is not None
    assert Certificate.objects.filter(authority__name="Pebble").count() == 1
    return made


def test_names_are_proved_over_http_by_our_own_web_server(people: People, names: Knot) -> None:
    with web_server() as port, pebble(names.address, http_port=port) as ca:
        connected(people, ca, challenge="http-01")
        pending = order(people, fresh())
        certificate = service.fulfil(pending["id"])
    assert isinstance(certificate, Certificate)
    assert not HttpChallenge.objects.exists()


@contextmanager
def web_server() -> Iterator[int]:
    """The product on a free port of 127.0.0.1, in the transaction of the test."""
    product, ours = get_wsgi_application(), connections["default"]

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        connections["default"] = ours
        for signal in (request_started, request_finished):  # ours stays open; the test's client connects them again
            signal.disconnect(close_old_connections)
        return [b"".join(product(environ, start_response))]

    ours.inc_thread_sharing()
    try:
        with make_server("127.0.0.1", 0, answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server.server_port
            server.shutdown()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        ours.dec_thread_sharing()


class TestAnswers:
    """What our web server says to a CA."""

    def test_what_was_published_is_told_to_anybody_under_any_name(self, client: Any, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["lemur.example.org"]
        challenges.publish("token-1_A", "token-1_A.thumbprint", now=clock())
        answer = client.get("/.well-known/acme-challenge/token-1_A", headers={"host": "shop.example.com"})
        assert (answer.status_code, answer.content) == (200, b"token-1_A.thumbprint")
        challenges.withdraw("token-1_A")
        challenges.withdraw("token-1_A")
        answer = client.get("/.well-known/acme-challenge/token-1_A", headers={"host": "shop.example.com"})
        assert answer.status_code == 404

    @pytest.mark.parametrize("token", ["unknown", "x" * 129, "a/b", "..", "%00", "a.b"])
    def test_nothing_else_is_told(self, client: Any, token: str) -> None:
        assert client.get(f"/.well-known/acme-challenge/{token}").status_code in (400, 404)

    def test_only_there_any_name_will_do(self, client: Any, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["lemur.example.org"]
        assert client.get("/login", headers={"host": "shop.example.com"}).status_code == 400

    def test_what_was_left_behind_goes(self) -> None:
        challenges.publish("old", "text", now=clock() - timedelta(days=2))
        challenges.publish("new", "text", now=clock())
        assert list(HttpChallenge.objects.values_list("token", flat=True)) == ["new"]


class TestConnecting:
    def test_a_ca_without_its_root_is_not_connected(self, people: People, ca: Pebble) -> None:
        body = {
            "name": "Half",
            "commonName": "x",
            "owner": "pki@example.org",
            "plugin": {"slug": "acme-issuer", "pluginOptions": ca.options(certificate=material().intermediate.pem)},
        }
        answer = api(people.root).post("/api/1/authorities", body, format="json")
        assert answer.status_code == 400
        assert "up to the root" in answer.content.decode()

    def test_a_wrong_option_is_named(self, people: People, ca: Pebble) -> None:
        body = {
            "name": "Wrong",
            "commonName": "x",
            "owner": "pki@example.org",
            "plugin": {"slug": "acme-issuer", "pluginOptions": ca.options(acme_url="nowhere")},
        }
        answer = api(people.root).post("/api/1/authorities", body, format="json")
        assert answer.status_code == 400
        assert "acme_url" in answer.content.decode()

    def test_the_dns_provider_is_shown_and_changed(self, people: People, ca: Pebble, names: Knot) -> None:
        first, second = provider(people, names), provider(people, names)
        made = connected(people, ca, first)
        assert made["dnsProvider"] == {"id": first["id"], "name": first["name"]}
        body = {"dnsProvider": {"id": second["id"]}}
        changed = ok(api(people.root).put(f"/api/1/authorities/{made['id']}", body, format="json"))
        assert changed["dnsProvider"]["id"] == second["id"]
        DnsProvider.objects.all().delete()
        assert ok(api(people.root).get(f"/api/1/authorities/{made['id']}"))["dnsProvider"] is None


class TestDnsProviders:
    def test_a_connection_is_tried(self, people: People, names: Knot) -> None:
        made = provider(people, names)
        answer = ok(api(people.root).post(f"/api/1/dns_providers/{made['id']}/check"))
        assert answer == {"works": True, "problem": ""}

    def test_what_is_wrong_is_said_without_the_secret(self, people: People, names: Knot) -> None:
        made = provider(people, names, keyName="nobody")
        answer = ok(api(people.root).post(f"/api/1/dns_providers/{made['id']}/check"))
        assert not answer["works"]
        assert "TSIG key" in answer["problem"]
        assert names.secret not in str(answer)

    def test_lemurs_names_are_understood(self, people: People) -> None:
        requirements = [{"name": "account_id", "value": "123456789012"}]
        body = {"name": "aws", "providerType": {"name": "route53", "requirements": requirements}}
        assert ok(api(people.root).post("/api/1/dns_providers", body, format="json"))["providerType"] == "route53-dns"
