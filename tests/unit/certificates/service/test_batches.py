"""The same done to many certificates: each a verb of its own, none twice, and what failed says why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils.timezone import now as clock

from certificates.models import Batch, Certificate, Order, Revocation
from certificates.permissions import permissions
from certificates.service import batches as module
from certificates.service import begin_batch, cancel_batch, carry_out_batch, retry_batch, tag
from certificates.service.batches import VERBS, due_batches
from core.errors import Conflict, Forbidden, Invalid
from core.models import AuditEntry
from stores.models import Destination
from tests.factories import a_certificate, an_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def some(people, root_ca) -> list[Certificate]:
    return [a_certificate(people.alice, root_ca, cn=f"{letter}.example.org", tags=["env:prod"]) for letter in "abc"]


def rows(some) -> Any:
    return Certificate.objects.filter(pk__in=[one.pk for one in some])


def carried_out(batch: Batch) -> Counter[str]:
    """Until nothing is left to do, as workers and sweeps would."""
    for _ in range(20):
        if not due_batches():
            break
        carry_out_batch(batch.pk)
    batch.refresh_from_db()
    return Counter(batch.items.values_list("state", flat=True))


GIVEN: dict[str, dict[str, Any]] = {
    "hand-over": {"owner": "other@example.org"},
    "notify": {"on": False},
    "rotation": {"on": True},
    "deliver": {"destinations": []},
    "tag": {"tags": ["pci"]},
    "untag": {"tags": ["env:prod"]},
    "renew": {},
    "revoke": {"reason": "superseded", "comments": "", "force": False},
}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_is_done_to_each(people, some, verb):
    place = Destination.objects.create(label="web", plugin="directory-destination")
    given = {"destinations": [place.pk]} if verb == "deliver" else GIVEN[verb]
    batch = begin_batch(verb, rows(some), given=given, by=people.alice)
    assert carried_out(batch) == {"done": 3}
    found = list(rows(some))
    done = {
        "hand-over": lambda one: one.owner == "other@example.org",
        "notify": lambda one: not one.notify,
        "rotation": lambda one: one.rotation,
        "deliver": lambda one: list(one.destinations.all()) == [place],
        "tag": lambda one: one.tag_names == ["env:prod", "pci"],
        "untag": lambda one: one.tag_names == [],
        "renew": lambda one: one.replaced.count() == 1,
        "revoke": lambda one: one.status == "revoked",
    }
    assert all(done[verb](one) for one in found)
    assert list(
        AuditEntry.objects.filter(event__startswith="batch.").values_list("event", flat=True).order_by("pk")
    ) == [
        "batch.begun",
        "batch.ended",
    ]


def test_only_those_are_chosen_to_which_one_may_do_it(people, some, root_ca):
    foreign = a_certificate(people.root, root_ca, cn="foreign.example.org", owner="root@example.org")
    batch = begin_batch("notify", rows([*some, foreign]), given={"on": False}, by=people.alice)
    assert set(batch.items.values_list("certificate", flat=True)) == {one.pk for one in some}
    with pytest.raises(Invalid, match="no certificate among them"):
        begin_batch("notify", rows([foreign]), given={"on": False}, by=people.alice)


def test_one_that_would_have_too_many_tags_says_so(people, some):
    tag(some[0], [f"n{number}" for number in range(49)], by=people.alice)
    batch = begin_batch("tag", rows(some), given={"tags": ["pci"]}, by=people.alice)
    assert carried_out(batch) == {"done": 2, "failed": 1}
    assert "at most 50 tags; leave some out" in batch.items.get(state="failed").error


def test_rights_count_at_the_moment_of_the_deed(people, some):
    batch = begin_batch("notify", rows(some), given={"on": False}, by=people.alice)
    rows(some[:1]).update(owner="other@example.org", handed_over=True)
    some[0].roles.clear()
    assert carried_out(batch) == {"done": 2, "failed": 1}
    (item,) = batch.items.filter(state="failed")
    assert (item.certificate_id, item.error) == (some[0].pk, "You are not authorized to update this certificate")


def test_what_failed_is_tried_again_on_demand(people, some, root_ca):
    root_ca.active = False
    root_ca.save()
    batch = begin_batch("renew", rows(some), given={}, by=people.alice)
    assert carried_out(batch) == {"failed": 3}
    root_ca.active = True
    root_ca.save()
    retry_batch(batch, by=people.alice)
    assert carried_out(batch) == {"done": 3}
    with pytest.raises(Conflict, match="nothing to try again"):
        retry_batch(batch, by=people.alice)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_worker_that_died_after_the_deed_does_not_do_it_twice(people, some, monkeypatch, verb):
    """Whoever hands over what nobody else gave them has no right to it afterwards."""
    for one in some:
        one.roles.clear()
    batch = begin_batch(verb, rows(some), given=GIVEN[verb], by=people.alice)

    def die(*args: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(module, "_close", die)
        with pytest.raises(SystemExit):
            carry_out_batch(batch.pk)
    later = clock() + timedelta(minutes=11)
    carry_out_batch(batch.pk, now=later)
    assert Counter(batch.items.values_list("state", flat=True)) == {"done": 3}
    assert Order.objects.filter(reissues__in=some).count() == (3 if verb == "renew" else 0)
    assert Revocation.objects.filter(certificate__in=some).count() == (3 if verb == "revoke" else 0)


def test_an_order_in_doubt_is_not_done(people, some, monkeypatch):
    batch = begin_batch("renew", rows(some[:1]), given={}, by=people.alice)
    order = an_order(people.alice, authority=some[0].authority, owner=some[0].owner, common_name=some[0].cn)
    Order.objects.filter(pk=order.pk).update(reissues=some[0])
    assert carried_out(batch) == {"failed": 1}
    assert "open already" in batch.items.get().error


def test_it_stops_and_goes_on(people, some, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 1)
    batch = begin_batch("notify", rows(some), given={"on": False}, by=people.alice)
    carry_out_batch(batch.pk)
    cancel_batch(batch, by=people.alice)
    assert carried_out(batch) == {"done": 1, "waiting": 2}
    with pytest.raises(Conflict, match="is over"):
        cancel_batch(batch, by=people.alice)
    retry_batch(batch, by=people.alice)
    assert carried_out(batch) == {"done": 3}


def test_there_is_a_most(people, some, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    with pytest.raises(Invalid, match="At most 2 certificates"):
        begin_batch("notify", rows(some), given={"on": False}, by=people.alice)


def test_it_is_nobody_elses(people, some):
    batch = begin_batch("notify", rows(some), given={"on": False}, by=people.alice)
    for verb in (cancel_batch, retry_batch):
        with pytest.raises(Forbidden):
            verb(batch, by=people.bob)
    assert permissions.can(people.alice, "change", some[0])


def test_stopped_before_its_first_turn_it_does_nothing(people, some):
    batch = begin_batch("revoke", rows(some), given=GIVEN["revoke"], by=people.alice)
    cancel_batch(batch, by=people.alice)
    assert carried_out(batch) == {"waiting": 3}
    assert not rows(some).filter(status="revoked").exists()


def test_a_worker_whose_lease_was_lost_does_no_more(people, some, monkeypatch):
    batch = begin_batch("notify", rows(some), given={"on": False}, by=people.alice)
    close = module._close

    def close_and_sleep(item, error):
        close(item, error)
        Batch.objects.filter(pk=batch.pk).update(attempts=F("attempts") + 1)  # another one has taken it over

    monkeypatch.setattr(module, "_close", close_and_sleep)
    carry_out_batch(batch.pk)
    assert Counter(batch.items.values_list("state", flat=True)) == {"done": 1, "waiting": 2}


def test_it_is_not_tried_again_while_it_is_at_work(people, some):
    batch = begin_batch("notify", rows(some), given={"on": False}, by=people.alice)
    with pytest.raises(Conflict, match="still at work"):
        retry_batch(batch, by=people.alice)
