"""Having a job tried again: through the verb of its kind, with its right, once, and not if somebody was faster."""

from __future__ import annotations

import pytest
from django.utils.timezone import now as clock

from certificates.models import Certificate, Deployment, Revocation
from core.audit import Event
from core.errors import Conflict, DomainError, Forbidden, NotFound, Precondition
from core.models import AuditEntry
from lifecycle.jobs import acting
from lifecycle.jobs.kinds import KINDS
from stores.models import Destination, Source
from tests.unit.lifecycle.jobs.conftest import into

pytestmark = pytest.mark.django_db

NUDGES = {
    "deployment": "certificates.deploy",
    "rotation": "lifecycle.rotate_endpoint",
    "revocation": "certificates.carry_out",
    "batch": "certificates.carry_out_batch",
    "sync": "lifecycle.sync",
    "scan": "stores.scan",
    "suggestion": "certificates.ask_for_window",
    "notice": "notifications.tell",
}
EVENTS = {
    "order": Event.ORDER_RETRIED,
    "deployment": Event.DEPLOYMENT_RETRIED,
    "rotation": Event.ROTATION_RETRIED,
    "revocation": Event.REVOCATION_RETRIED,
    "batch": Event.BATCH_RETRIED,
    "sync": Event.SOURCE_RETRIED,
    "scan": Event.SOURCE_RETRIED,
    "suggestion": Event.RENEWAL_ASKED,
    "notice": Event.NOTICE_RETRIED,
}
LATER = [kind for kind in NUDGES if kind != "batch"]


def events() -> set[str]:
    return set(AuditEntry.objects.values_list("event", flat=True))


@pytest.mark.parametrize("kind", NUDGES)
def test_what_was_given_up_begins_anew_at_once(make, people, nudges, django_capture_on_commit_callbacks, kind):
    job = into(make(kind), "failed")
    with django_capture_on_commit_callbacks(execute=True):
        acting.retry(acting.find(kind, job.pk, by=people.root), by=people.root)
    job.refresh_from_db()
    assert (job.state, job.failures, job.leased) == ("waiting", 0, False)
    assert job.not_before <= clock()
    assert NUDGES[kind] in [name for name, _ in nudges]
    assert EVENTS[kind] in events()


def test_an_order_is_asked_for_anew(make, people):
    order = into(make("order"), "waiting")
    acting.retry(acting.find("order", order.pk, by=people.alice), by=people.alice)
    order.refresh_from_db()
    assert order.state == "done"
    assert Event.ORDER_RETRIED in events()


@pytest.mark.parametrize("kind", LATER)
def test_what_waits_for_later_is_due_now_and_its_failures_count(make, people, kind):
    job = into(make(kind), "waiting")
    acting.retry(job, by=people.root)
    job.refresh_from_db()
    assert (job.state, job.failures) == ("waiting", 1)
    assert job.not_before <= clock()


@pytest.mark.parametrize("meanwhile", ["working", "done"])
@pytest.mark.parametrize("kind", KINDS)
def test_who_was_faster_is_left_alone(make, people, kind, meanwhile):
    """Somebody has looked at the page; then a worker takes the job, or finishes it."""
    seen = into(make(kind), "failed")
    into(type(seen)._default_manager.get(pk=seen.pk), meanwhile)
    type(seen)._default_manager.filter(pk=seen.pk).update(state="done" if meanwhile == "done" else "waiting")
    before = type(seen)._default_manager.filter(pk=seen.pk).values().get()
    with pytest.raises((Conflict, Precondition)) as refused:
        acting.retry(seen, by=people.root)
    assert str(refused.value).endswith(".")
    assert type(seen)._default_manager.filter(pk=seen.pk).values().get() == before
    assert EVENTS[kind] not in events()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("person", ["charlie", "dora", "olga"])
def test_with_the_right_of_its_kind_alone(make, people, kind, person):
    job = into(make(kind), "failed")
    with pytest.raises(Forbidden):
        acting.retry(job, by=getattr(people, person))
    job.refresh_from_db()
    assert job.state == ("done" if kind == "batch" else "failed")


@pytest.mark.parametrize(("kind", "model"), [("deployment", Destination), ("sync", Source)])
def test_what_is_switched_off_is_switched_on_first(make, people, kind, model):
    job = into(make(kind), "failed")
    model.objects.update(active=False)
    with pytest.raises(Precondition, match="switched off; switch it on first"):
        acting.retry(acting.find(kind, job.pk, by=people.root), by=people.root)


def test_a_revocation_that_came_about_otherwise(make, people, leaf):
    job = into(make("revocation"), "failed")
    Revocation.objects.create(certificate=leaf, by=people.alice, reason="superseded", state="waiting")
    with pytest.raises(Conflict, match="asked for once more"):
        acting.retry(job, by=people.alice)


def test_all_of_one_message_is_told_together(make, people):
    one, other = make("notice"), make("notice")
    batch = "6ea7f3b6-7f33-4a8e-9c6f-0a8a0a4d2a11"
    for notice in (one, other):
        type(notice).objects.filter(pk=notice.pk).update(batch=batch)
        into(notice, "failed")
    acting.retry(one, by=people.root)
    assert list(type(one).objects.values_list("state", flat=True)) == ["waiting", "waiting"]


@pytest.mark.parametrize("kind", ["batch", "sync"])
def test_stopping(make, people, kind):
    job = into(make(kind), "working")
    acting.stop(job, by=people.root)
    job.refresh_from_db()
    assert job.cancelled


def test_what_cannot_be_stopped(make, people):
    with pytest.raises(Precondition, match="cannot be stopped"):
        acting.stop(make("deployment"), by=people.root)


@pytest.mark.parametrize(("kind", "pk"), [("nothing", 1), ("deployment", 987654321), ("order", 10**30)])
def test_what_does_not_exist(people, kind, pk):
    with pytest.raises(NotFound):
        acting.find(kind, pk, by=people.root)


def test_what_one_may_not_see_does_not_exist(make, people):
    scan = make("scan")
    with pytest.raises(NotFound):
        acting.find("scan", scan.pk, by=people.alice)


def test_a_delivery_arrives_once_what_was_in_its_way_is_gone(make, people, leaf):
    """From given up to done, by the worker's own function."""
    from certificates.service import deploy

    job = into(make("deployment"), "failed")
    assert not deploy(job.pk)
    acting.retry(job, by=people.alice)
    assert deploy(job.pk)
    assert Deployment.objects.get(pk=job.pk).state == "done"
    assert Certificate.objects.filter(pk=leaf.pk, deployments__state="done").exists()
    with pytest.raises(DomainError):
        acting.retry(job, by=people.alice)
