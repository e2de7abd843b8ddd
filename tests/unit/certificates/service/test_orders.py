"""What a person can do about an order that did not become a certificate by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from authorities.models import Authority
from certificates import service
from certificates.models import Certificate, Order
from core import keys as key_store
from core.audit import Event, acting_as
from core.errors import Conflict, Forbidden, Invalid, Precondition, Unavailable
from core.idempotency import claim_form
from core.models import AuditEntry, StoredKey
from pki import keys
from pki.inspection import pem
from plugins import Issued, Pending, Permanent, Temporary
from tests import pki_material
from tests.odd_issuer import OddIssuer
from tests.pki_material import material
from tests.unit.certificates.service.test_odd_answers import odd_ca  # noqa: F401
from tests.unit.certificates.service.test_odd_answers import order as place

pytestmark = pytest.mark.django_db


def issued_for(order: Order, *, names: tuple[str, ...] = ("www.example.org",), key=None) -> Issued:
    """What the CA would have answered."""
    root = material().root
    key = key or key_store.signer(order.private_key)
    extensions = pki_material.leaf_extensions(root, list(names))
    made = pki_material.certificate(pki_material.name("www.example.org"), key, root, extensions=extensions)
    return Issued(body=pem(made), chain=(root.pem,))


@pytest.fixture
def unknown(people, odd_ca, monkeypatch) -> Order:  # noqa: F811
    """One of which nobody knows what became of it at the CA."""
    with pytest.raises(Unavailable):
        place(people.alice, odd_ca, lambda request: 1 / 0, monkeypatch)
    order = Order.objects.get()
    assert order.state == Order.State.UNKNOWN
    return order


@pytest.fixture
def waiting(people, odd_ca, monkeypatch) -> Order:  # noqa: F811
    """One that the CA has in work."""
    place(people.alice, odd_ca, Pending("ca-17", timedelta(hours=1)), monkeypatch)
    return Order.objects.get()


def events(order):
    return [entry.event for entry in AuditEntry.objects.filter(target_type="certificates.order", target_id=order.pk)]


class TestByHand:
    def test_it_was_issued(self, people, unknown):
        answer = issued_for(unknown)
        made = service.fulfil_by_hand(
            unknown, body=answer.body, chain="".join(answer.chain), external_id="x-1", by=people.alice
        )
        unknown.refresh_from_db()
        assert (unknown.state, unknown.certificate) == (Order.State.DONE, made)
        assert (made.owner, made.external_id, made.user) == ("alice@example.org", "x-1", people.alice)
        assert keys.belongs(key_store.signer(made.private_key), made.public_key)

    def test_without_a_chain_the_authoritys(self, people, unknown):
        made = service.fulfil_by_hand(unknown, body=issued_for(unknown).body, by=people.root)
        assert made.chain == unknown.authority.body

    @pytest.mark.parametrize("kind", ["another key", "another name", "another issuer", "nonsense", "chain"])
    def test_something_else_is_refused_and_nothing_changes(self, people, unknown, kind):
        good, chain = issued_for(unknown), None
        body = {
            "another key": lambda: issued_for(unknown, key=pki_material.p256()).body,
            "another name": lambda: issued_for(unknown, names=("www.example.org", "x.example.org")).body,
            "another issuer": lambda: pem(
                pki_material.certificate(
                    pki_material.name("www.example.org"), key_store.signer(unknown.private_key), other := _other_root(),
                    extensions=pki_material.leaf_extensions(other, ["www.example.org"]),
                )
            ),
            "nonsense": lambda: "x",
            "chain": lambda: good.body,
        }[kind]()  # fmt: skip
        chain = {"chain": "x", "another issuer": ""}.get(kind)
        before = Order.objects.values().get(pk=unknown.pk)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            service.fulfil_by_hand(unknown, body=body, chain=chain, by=people.alice)
        assert isinstance(caught.value, Invalid), caught.value
        assert Order.objects.values().get(pk=unknown.pk) == before
        assert not Certificate.objects.filter(cn="www.example.org").exists()

    def test_nor_twice(self, people, unknown):
        answer = issued_for(unknown)
        service.fulfil_by_hand(unknown, body=answer.body, by=people.alice)
        with pytest.raises(Precondition):
            service.fulfil_by_hand(unknown, body=answer.body, by=people.alice)

    def test_what_somebody_has_uploaded_meanwhile(self, people, unknown):
        answer = issued_for(unknown)
        known = service.upload(
            by=people.alice, body=answer.body, owner="alice@example.org", authority=unknown.authority
        )
        with pytest.raises(Conflict, match=rf"here already: {known.name} \(id:{known.pk}\)"):
            service.fulfil_by_hand(unknown, body=answer.body, by=people.alice)
        unknown.refresh_from_db()
        assert unknown.state == Order.State.UNKNOWN

    def test_by_whom(self, people, unknown):
        body = issued_for(unknown).body
        for person in (people.charlie, people.dora, people.bob):
            with pytest.raises(Forbidden):
                service.fulfil_by_hand(unknown, body=body, by=person)


def _other_root():
    key = pki_material.p256()
    made = pki_material.certificate(pki_material.name("Other"), key, extensions=pki_material.ca_extensions(key))
    return pki_material.Pair(made, key)


class TestRetry:
    def test_it_was_not_issued(self, people, unknown, monkeypatch):
        monkeypatch.setattr(OddIssuer, "answer", issued_for(unknown))
        made = service.retry_order(unknown, by=people.alice)
        assert isinstance(made, Certificate)
        assert events(unknown)[:2] == [Event.ORDER_RETRIED, Event.CERTIFICATE_ORDERED]

    def test_still_without_an_answer(self, people, unknown, monkeypatch):
        monkeypatch.setattr(OddIssuer, "answer", Temporary("connection refused"))
        with pytest.raises(Unavailable):
            service.retry_order(unknown, by=people.alice)
        unknown.refresh_from_db()
        assert (unknown.state, unknown.last_error) == (Order.State.WAITING, "connection refused")

    def test_not_while_it_is_being_issued(self, people, unknown, monkeypatch):
        """The second click of a double click, or somebody else's."""
        refused = []

        def answer(request):
            if not refused:
                with pytest.raises(Precondition, match="being worked on") as caught:
                    service.retry_order(unknown, by=people.root)
                refused.append(caught.value)
            return issued_for(unknown)

        monkeypatch.setattr(OddIssuer, "asked", [])
        monkeypatch.setattr(OddIssuer, "answer", answer)
        assert isinstance(service.retry_order(unknown, by=people.alice), Certificate)
        assert (len(refused), len(OddIssuer.asked)) == (1, 1)

    def test_what_only_waits_is_asked_at_once(self, people, waiting, monkeypatch):
        monkeypatch.setattr(OddIssuer, "answer", issued_for(waiting))
        assert isinstance(service.retry_order(waiting, by=people.alice), Certificate)

    def test_not_what_is_done(self, people, unknown):
        service.fulfil_by_hand(unknown, body=issued_for(unknown).body, by=people.alice)
        with pytest.raises(Precondition, match="led to a certificate"):
            service.retry_order(unknown, by=people.alice)

    def test_the_same_request_again_asks_once(self, people, unknown, monkeypatch):
        monkeypatch.setattr(OddIssuer, "asked", [])
        monkeypatch.setattr(OddIssuer, "answer", Temporary("connection refused"))
        with acting_as(idempotency=claim_form(people.alice, "x")):
            with pytest.raises(Unavailable):
                service.retry_order(unknown, by=people.alice)
            assert service.retry_order(unknown, by=people.alice) == unknown
        assert len(OddIssuer.asked) == 1

    def test_not_once_its_key_is_gone(self, people, odd_ca, monkeypatch):  # noqa: F811
        with pytest.raises(Unavailable):
            place(people.alice, odd_ca, Permanent("no"), monkeypatch)
        failed = Order.objects.get()
        assert StoredKey.objects.count() == 0
        with pytest.raises(Precondition, match="destroyed"):
            service.retry_order(failed, by=people.alice)
        with pytest.raises(Precondition, match="destroyed"):
            service.fulfil_by_hand(failed, body=issued_for(failed, key=pki_material.p256()).body, by=people.alice)


class TestCancel:
    def test_at_the_ca_too(self, people, waiting, monkeypatch):
        asked = []
        monkeypatch.setattr(OddIssuer, "cancel", lambda self, request: asked.append(request.external_id))
        service.cancel_order(waiting, note="not needed", by=people.alice)
        waiting.refresh_from_db()
        assert (asked, waiting.state, waiting.last_error) == (["ca-17"], "failed", "Cancelled by alice. not needed")
        assert StoredKey.objects.count() == 0
        assert events(waiting)[0] == Event.ORDER_CANCELLED

    def test_a_ca_that_does_not_answer_leaves_it_as_it_was(self, people, waiting, monkeypatch):
        def refuse(self, request):
            raise Temporary("connection refused")

        monkeypatch.setattr(OddIssuer, "cancel", refuse)
        before = Order.objects.values().get()
        with pytest.raises(Unavailable, match="did not cancel"):
            service.cancel_order(waiting, by=people.alice)
        assert Order.objects.values().get() == before

    def test_a_ca_whose_plugin_is_gone_cannot_be_told(self, people, waiting):
        Authority.objects.filter(pk=waiting.authority_id).update(plugin="gone")
        service.cancel_order(service.get_order(waiting.pk), by=people.alice)
        waiting.refresh_from_db()
        assert (waiting.state, StoredKey.objects.count()) == (Order.State.FAILED, 1)

    def test_a_plugin_with_a_mistake_leaves_it_as_it_was(self, people, waiting, monkeypatch):
        monkeypatch.setattr(OddIssuer, "cancel", lambda self, request: 1 / 0)
        with pytest.raises(Unavailable, match="the log has the details"):
            service.cancel_order(waiting, by=people.alice)
        waiting.refresh_from_db()
        assert waiting.state == Order.State.WAITING

    def test_what_is_done_meanwhile_is_not_cancelled_at_the_ca(self, people, waiting, monkeypatch):
        asked = []
        monkeypatch.setattr(OddIssuer, "cancel", lambda self, request: asked.append(request))
        service.fulfil_by_hand(service.get_order(waiting.pk), body=issued_for(waiting).body, by=people.alice)
        with pytest.raises(Precondition):
            service.cancel_order(waiting, by=people.alice)
        assert asked == []

    def test_the_key_of_what_may_exist_stays(self, people, unknown):
        service.cancel_order(unknown, by=people.alice)
        assert StoredKey.objects.count() == 1

    def test_a_worker_that_was_at_it_writes_nothing(self, people, waiting, monkeypatch):
        monkeypatch.setattr(
            OddIssuer,
            "answer",
            lambda request: (service.cancel_order(waiting, by=people.alice), issued_for(waiting))[1],
        )
        assert service.fulfil(waiting.pk, now=datetime.now(UTC) + timedelta(hours=2)) is None
        waiting.refresh_from_db()
        assert waiting.state == Order.State.FAILED
        assert not Certificate.objects.filter(cn="www.example.org").exists()

    def test_not_what_is_done(self, people, root_ca):
        done = service.create(
            by=people.alice, authority=root_ca, owner="a@example.org", common_name="x.example.org"
        ).order
        with pytest.raises(Precondition):
            service.cancel_order(done, by=people.alice)

    def test_by_whom(self, people, waiting):
        with pytest.raises(Forbidden):
            service.cancel_order(waiting, by=people.charlie)


def test_an_order_that_renews_what_another_renews_by_now(people, root_ca, odd_ca, monkeypatch):  # noqa: F811
    old = service.create(by=people.alice, authority=root_ca, owner="a@example.org", common_name="x.example.org")
    with pytest.raises(Unavailable):
        place(people.alice, odd_ca, Permanent("no"), monkeypatch)
    Order.objects.filter(authority=odd_ca).update(reissues=old, private_key=None)
    first = Order.objects.get(authority=odd_ca)
    Order.objects.filter(pk=old.order.pk).update(reissues=old, state=Order.State.WAITING)
    with pytest.raises(Conflict):
        service.retry_order(first, by=people.alice)


def test_the_key_of_an_order(people, waiting):
    assert keys.load_private_key(service.reveal_order_key(waiting, by=people.alice))
    assert events(waiting)[0] == Event.KEY_REVEALED
    for person in (people.charlie, people.dora):
        with pytest.raises(Forbidden):
            service.reveal_order_key(waiting, by=person)
    assert service.get_order(waiting.pk) == waiting
    Order.objects.update(private_key=None)
    assert service.reveal_order_key(service.get_order(waiting.pk), by=people.alice) is None
