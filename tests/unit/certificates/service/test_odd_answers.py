"""What a CA may answer besides a good certificate, and what becomes of the order and its key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Role
from authorities.models import Authority, Profile
from certificates import service
from certificates.models import Certificate, Order
from core.audit import Event
from core.errors import Unavailable
from core.failpoints import Injected
from core.models import AuditEntry, StoredKey
from plugins import Issued, Misconfigured, Pending, Permanent, Rejected, Temporary, Uncertain, registry
from plugins.registry import Entry
from tests.odd_issuer import OddIssuer
from tests.pki_material import material

pytestmark = pytest.mark.django_db

LATER = timedelta(hours=1)


@pytest.fixture
def odd_ca(people, monkeypatch) -> Authority:
    monkeypatch.setitem(
        registry.entries, "odd-issuer", Entry("odd-issuer", "issuer", "tests.odd_issuer:OddIssuer", "tests")
    )
    monkeypatch.setattr(OddIssuer, "asked", [])
    ca = Authority.objects.create(
        name="Odd",
        owner="pki@example.org",
        plugin="odd-issuer",
        body=material().root.pem,
        not_before=material().root.certificate.not_valid_before_utc,
        not_after=material().root.certificate.not_valid_after_utc,
    )
    ca.profiles.set(Profile.objects.filter(ca=False))
    ca.roles.set(Role.objects.filter(name="team-web"))
    return ca


def order(by, ca, answer, monkeypatch):
    monkeypatch.setattr(OddIssuer, "answer", answer)
    return service.create(by=by, authority=ca, owner=by.email, common_name="www.example.org")


def test_a_ca_that_does_not_answer_is_asked_again(people, odd_ca, monkeypatch):
    with pytest.raises(Unavailable, match="did not issue the certificate: connection refused"):
        order(people.alice, odd_ca, Temporary("connection refused"), monkeypatch)
    waiting = Order.objects.get()
    assert (waiting.state, waiting.last_error) == ("waiting", "connection refused")
    assert StoredKey.objects.count() == 1
    assert service.fulfil(waiting.pk, now=datetime.now(UTC) + LATER) is None
    assert len(OddIssuer.asked) == 2


def test_a_ca_that_refuses_is_not_and_the_key_goes(people, odd_ca, monkeypatch):
    with pytest.raises(Unavailable, match="not on our list"):
        order(people.alice, odd_ca, Permanent("not on our list"), monkeypatch)
    assert Order.objects.get().state == "failed"
    assert not StoredKey.objects.exists()
    assert AuditEntry.objects.first().event == Event.ORDER_FAILED


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: Issued(material().leaf.pem, ()),
        lambda request: Issued("<html>Bad Gateway</html>", ()),
        lambda request: Issued(material().leaf.pem[:300], ()),
        lambda request: Issued(material().leaf.pem, (material().other_root.pem,)),
    ],
    ids=["another key", "HTML", "truncated", "another chain"],
)
def test_an_answer_that_does_not_fit_waits_for_a_person_with_its_key(people, odd_ca, monkeypatch, answer):
    with pytest.raises(Unavailable):
        order(people.alice, odd_ca, answer, monkeypatch)
    doubtful = Order.objects.get()
    assert (doubtful.state, bool(doubtful.last_error)) == ("unknown", True)
    assert StoredKey.objects.count() == 1
    assert not Certificate.objects.exists()
    assert service.fulfil(doubtful.pk, now=datetime.now(UTC) + timedelta(days=30)) is None
    assert len(OddIssuer.asked) == 1, "never a silent second certificate"


def test_a_plugin_with_a_mistake_fails_one_order_and_says_nothing_inside(people, odd_ca, monkeypatch):
    with pytest.raises(Unavailable, match="the log has the details") as caught:
        order(people.alice, odd_ca, ZeroDivisionError("secret detail"), monkeypatch)
    assert "secret" not in str(caught.value)
    assert Order.objects.get().state == "unknown", "it may have asked the CA before it failed"


def test_a_ca_that_accepted_the_order_never_costs_its_key(people, odd_ca, monkeypatch):
    waiting = order(people.alice, odd_ca, Pending("ca-17", None), monkeypatch)
    for hours in range(1, 12):
        service.fulfil(waiting.pk, now=datetime.now(UTC) + timedelta(hours=hours))
    monkeypatch.setattr(OddIssuer, "answer", Temporary("busy"))
    service.fulfil(waiting.pk, now=datetime.now(UTC) + timedelta(hours=20))
    assert Order.objects.get().state == "waiting", "asking often is no failure"
    monkeypatch.setattr(OddIssuer, "answer", Permanent("no such order"))
    service.fulfil(waiting.pk, now=datetime.now(UTC) + timedelta(days=2))
    assert (Order.objects.get().state, StoredKey.objects.count()) == ("unknown", 1)


def test_wrong_credentials_wait_for_better_ones(people, odd_ca, monkeypatch):
    with pytest.raises(Unavailable, match="do not place it twice"):
        order(people.alice, odd_ca, Misconfigured("bad token"), monkeypatch)
    assert (Order.objects.get().state, StoredKey.objects.count()) == ("waiting", 1)


def test_a_ca_that_takes_its_time_gives_the_order(people, odd_ca, monkeypatch):
    waiting = order(people.alice, odd_ca, Pending("ca-17", None), monkeypatch)
    assert isinstance(waiting, Order)
    assert Order.objects.get().external_id == "ca-17"
    assert service.fulfil(waiting.pk, now=datetime.now(UTC) + LATER) is None
    assert OddIssuer.asked[-1].external_id == "ca-17"


def test_over_the_api_that_is_a_202(people, odd_ca, monkeypatch):
    from tests.people import api

    monkeypatch.setattr(OddIssuer, "answer", Pending("ca-17", None))
    body = {"owner": "a@example.org", "commonName": "www.example.org", "authority": {"id": odd_ca.pk}}
    answer = api(people.alice).post("/api/1/certificates", body, format="json")
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["pending"], shown["body"], shown["chain"]) == (True, None, None)
    assert shown["id"] == Order.objects.get().pk


def test_over_the_api_a_ca_that_is_down_is_a_503(people, odd_ca, monkeypatch):
    from tests.people import api

    monkeypatch.setattr(OddIssuer, "answer", Temporary("connection refused"))
    body = {"owner": "a@example.org", "commonName": "www.example.org", "authority": {"id": odd_ca.pk}}
    answer = api(people.alice).post("/api/1/certificates", body, format="json")
    assert (answer.status_code, "connection refused" in answer.json()["message"]) == (503, True)


@pytest.fixture
def ca_without_orders(odd_ca, monkeypatch) -> Authority:
    entry = Entry("odd-issuer", "issuer", "tests.odd_issuer:AtOnce", "tests")
    monkeypatch.setitem(registry.entries, "odd-issuer", entry)
    return odd_ca


def test_an_answer_that_never_came_is_for_a_person(people, ca_without_orders, monkeypatch):
    with pytest.raises(Unavailable, match="may have signed"):
        order(people.alice, ca_without_orders, Uncertain("It may have signed."), monkeypatch)
    doubtful = Order.objects.get()
    assert doubtful.state == Order.State.UNKNOWN
    assert service.fulfil(doubtful.pk, now=datetime.now(UTC) + LATER) is None
    assert (len(OddIssuer.asked), StoredKey.objects.count()) == (1, 1)


def test_a_ca_without_orders_is_not_asked_again_by_whoever_finds_the_order_left_alone(
    people, ca_without_orders, monkeypatch
):
    monkeypatch.setenv("FAILPOINTS", "issue.after=raise")
    with pytest.raises(Injected):
        order(people.alice, ca_without_orders, Issued(material().leaf.pem, ()), monkeypatch)
    monkeypatch.delenv("FAILPOINTS")
    assert service.fulfil(Order.objects.get().pk, now=datetime.now(UTC) + LATER) is None
    left = Order.objects.get()
    assert (left.state, "may have been asked already" in left.last_error) == (Order.State.UNKNOWN, True)
    assert len(OddIssuer.asked) == 1


def test_a_ca_without_orders_that_said_why_is_asked_again(people, ca_without_orders, monkeypatch):
    with pytest.raises(Unavailable):
        order(people.alice, ca_without_orders, Temporary("busy"), monkeypatch)
    service.fulfil(Order.objects.get().pk, now=datetime.now(UTC) + LATER)
    assert (Order.objects.get().state, len(OddIssuer.asked)) == (Order.State.WAITING, 2)


def test_a_ca_that_has_rejected_its_own_order_leaves_no_doubt(people, odd_ca, monkeypatch):
    order(people.alice, odd_ca, Pending("ca-17", None), monkeypatch)
    monkeypatch.setattr(OddIssuer, "answer", Rejected("no such domain"))
    service.fulfil(Order.objects.get().pk, now=datetime.now(UTC) + LATER)
    assert (Order.objects.get().state, StoredKey.objects.count()) == (Order.State.FAILED, 0)


def test_a_ca_says_when_to_come_again(people, odd_ca, monkeypatch):
    now = datetime.now(UTC)
    with pytest.raises(Unavailable):
        order(people.alice, odd_ca, Temporary("limit", retry_after=timedelta(hours=5)), monkeypatch)
    assert Order.objects.get().not_before >= now + timedelta(hours=5)
