"""One list of all jobs: every kind in every state, what is left out, paging, sorting and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now as clock

from certificates.models import Certificate, Deployment, Order, Revocation
from core.errors import Invalid
from core.permissions import NOTHING, Permissions, readers
from lifecycle.jobs.kinds import KINDS
from lifecycle.jobs.listing import JobListing
from lifecycle.jobs.reading import State
from stores.models import Destination, Source
from tests.unit.lifecycle.jobs.conftest import DAY, into

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_in_each_state(make, listed, kind, state):
    job = into(make(kind), state)
    [row] = listed(f"kind={kind}&state={state}")
    assert (row.name, row.id, row.state) == (kind, job.pk, state)
    others = [other for other in State.values if other != state]
    assert not [other for other in others if listed(f"kind={kind}&state={other}")]
    assert bool(listed(f"kind={kind}")) == (state != State.DONE)


def test_all_kinds_stand_in_one_list(each, listed):
    assert {row.name for row in listed()} == set(KINDS)


def test_what_each_is_about_and_where(each, listed, leaf, root_ca):
    rows = {row.name: row for row in listed()}
    here = leaf.get_absolute_url()
    destination, source = Destination.objects.get(), Source.objects.get(label="synced")
    assert {name: (row.about.name, row.about.url) for name, row in rows.items()} == {
        "order": ("ordered.example.org", each["order"].get_absolute_url()),
        "deployment": (leaf.cn, here),
        "rotation": (leaf.cn, here),
        "revocation": (leaf.cn, here),
        "suggestion": (leaf.cn, here),
        "batch": ("notify", each["batch"].get_absolute_url()),
        "sync": ("synced", source.get_absolute_url()),
        "scan": ("scanned", f"/sources/{each['scan'].source_id}"),
        "notice": (leaf.name, "/notices/?q=" + leaf.name),
    }
    assert {name: (row.place.name, row.place.url) for name, row in rows.items() if row.place} == {
        "order": ("Root", root_ca.get_absolute_url()),
        "deployment": ("web", destination.get_absolute_url()),
        "rotation": ("127.0.0.1:443", "/endpoints/?q=127.0.0.1"),
        "revocation": ("Root", root_ca.get_absolute_url()),
        "suggestion": ("Root", root_ca.get_absolute_url()),
        "notice": ("alice@example.org", "/notices/?q=alice%40example.org"),
    }


def test_how_far_it_has_come(each, listed):
    into(each["batch"], "failed")
    rows = {row.name: row.read for row in listed()}
    assert (rows["batch"].reached, rows["batch"].out_of, rows["batch"].broken) == (2, 2, 1)
    assert (rows["sync"].reached, rows["sync"].out_of) == (42, None)
    assert rows["deployment"].reached is None


def test_when_it_is_tried_next(make, listed):
    into(make("deployment"), "waiting")
    [row] = listed()
    assert row.later
    assert row.next_try > clock() + timedelta(minutes=55)
    assert (row.attempts, row.read.last_error) == (0, "no answer")
    Deployment.objects.update(not_before=clock() - DAY)
    [row] = listed()
    assert not row.later
    assert row.next_try < clock()


def test_why_it_is_not_taken_up(make, listed):
    make("deployment")
    Destination.objects.update(active=False)
    [row] = listed()
    assert (row.note, row.next_try, row.can_retry) == ("switched off", None, False)


def test_a_successor_waits_for_its_turn(make, listed, leaf, a_destination, people, root_ca):
    first = make("deployment")
    second = Deployment.objects.create(certificate=leaf, destination=a_destination(label="second"))
    leaf.replaces.add(Certificate.objects.get(root_authority=root_ca))
    assert {row.id: row.note for row in listed("kind=deployment")} == {first.pk: "", second.pk: "waits for its turn"}


class TestWhatIsLeftOut:
    """Nothing is left to mend."""

    @pytest.mark.parametrize("kind", ["deployment", "rotation", "revocation", "suggestion"])
    def test_of_a_certificate_that_is_over(self, make, listed, leaf, kind):
        into(make(kind), "failed")
        assert listed("state=failed")
        Certificate.objects.filter(pk=leaf.pk).update(not_after=clock() - DAY)
        assert not listed()
        assert not listed("state=failed")

    def test_an_order_that_somebody_has_cancelled(self, make, listed):
        order = into(make("order"), "failed")
        Order.objects.filter(pk=order.pk).update(last_error="Cancelled by alice.")
        assert not listed()

    def test_all_but_the_last_of_several_that_renew_one_certificate(self, make, listed, leaf):
        orders = [into(make("order"), "failed") for _ in range(2)]
        Order.objects.update(reissues=leaf)
        assert [row.id for row in listed()] == [orders[-1].pk]

    def test_a_revocation_that_came_about_otherwise(self, make, listed, leaf, people):
        into(make("revocation"), "failed")
        Revocation.objects.create(certificate=leaf, by=people.alice, reason="superseded", state="done")
        assert not listed()

    def test_a_rotation_that_was_rolled_back(self, make, listed):
        rotation = into(make("rotation"), "failed")
        type(rotation).objects.update(rolled_back_at=clock())
        assert not listed()

    def test_a_notice_that_somebody_knows_of(self, make, listed):
        notice = into(make("notice"), "failed")
        type(notice).objects.update(acknowledged_at=clock())
        assert not listed()

    def test_a_sync_that_a_person_has_stopped(self, make, listed):
        sync = into(make("sync"), "failed")
        type(sync).objects.update(cancelled=True)
        assert not listed()

    def test_a_suggestion_that_is_only_asked_for_again_some_day(self, make, listed):
        make("suggestion", failures=0, not_before=clock() + DAY)
        assert not listed()

    def test_what_was_done_long_ago(self, make, listed):
        job = into(make("deployment"), "done")
        assert listed("state=done")
        type(job).objects.update(not_before=clock() - 2 * DAY)
        assert not listed("state=done")

    def test_a_batch_that_failed_long_ago(self, make, listed):
        batch = into(make("batch"), "failed")
        type(batch).objects.update(not_before=clock() - 8 * DAY)
        assert not listed()


class TestWhoSeesIt:
    """No job is shown to who may not see its object."""

    def test_scans_are_for_who_runs_sources(self, each, listed, people):
        assert {row.name for row in listed(by=people.alice)} == set(KINDS) - {"scan"}

    def test_without_the_certificate_there_is_no_job_about_it(self, each, listed, people, monkeypatch):
        rules = Permissions.by_model[Certificate]
        monkeypatch.setitem(rules.rules, "view", readers(lambda user: NOTHING))
        assert {row.name for row in listed(by=people.alice)} == {"order", "batch", "sync", "notice"}

    def test_one_may_see_some(self, make, listed, people, leaf, monkeypatch):
        make("deployment")
        rules = Permissions.by_model[Certificate]
        monkeypatch.setitem(rules.rules, "view", rules.rules["change"])
        assert [len(listed(by=person)) for person in (people.alice, people.bob, people.charlie)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("person", "kinds"),
    [
        ("root", set(KINDS)),
        ("alice", {"order", "deployment", "rotation", "revocation", "suggestion", "batch"}),
        ("charlie", set()),
        ("dora", set()),
        ("olga", set()),
    ],
)
def test_who_may_have_it_tried_again(each, listed, people, person, kinds):
    for job in each.values():
        into(job, "failed")
    assert {row.name for row in listed(by=getattr(people, person)) if row.can_retry} == kinds


def test_what_is_at_work_or_due_is_not_tried_again_but_stopped(each, listed):
    assert not [row.name for row in listed() if row.can_retry]
    assert {row.name for row in listed() if row.can_stop} == {"batch", "sync"}
    for job in each.values():
        into(job, "working")
    assert not [row.name for row in listed() if row.can_retry]
    assert {row.name for row in listed() if row.can_stop} == {"batch", "sync"}
    type(each["batch"]).objects.update(cancelled=True)
    assert {row.name: row.note for row in listed()}["batch"] == "stopping"
    assert {row.name for row in listed() if row.can_stop} == {"sync"}


def test_an_order_in_doubt_wants_a_look(make, listed):
    into(make("order"), "unknown")
    assert [row.wants_a_look for row in listed()] == [True]


def test_what_does_not_work(each, listed):
    into(each["deployment"], "failed")
    into(each["rotation"], "waiting")
    type(each["sync"]).objects.update(failures=3)
    assert {row.name for row in listed("failing=true")} == {"deployment", "sync"}
    assert {row.name for row in listed("failing=false")} == set(KINDS) - {"deployment", "sync"}


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("leaf", set()),
        ("www.example", {"deployment", "rotation", "revocation", "suggestion", "notice"}),
        ("synced", {"sync"}),
        ("ordered", {"order"}),
        ("alice", {"batch", "notice", "order"}),
        ("no answer", {"scan"}),
    ],
)
def test_searching(each, listed, words, kinds):
    into(each["scan"], "failed")
    assert {row.name for row in listed(f"q={words.replace(' ', '+')}")} == kinds


def test_the_newest_first_and_by_the_next_try(each, listed):
    moments = [row.since for row in listed() if row.since]
    assert moments == sorted(moments, reverse=True)
    assert {row.name for row in listed()[-2:]} == {"scan", "suggestion"}  # of which nobody knows since when
    into(each["deployment"], "waiting")
    assert listed("ordering=-next_try")[0].name == "deployment"
    assert listed("sortBy=nextTry&sortDir=desc")[0].name == "deployment"


def test_pages(each, people):
    seen = []
    for page in (1, 2, 3):
        listing = JobListing(people.root, QueryDict(f"page={page}&count=4"))
        seen += [(row.name, row.id) for row in listing.items]
        assert (listing.total, listing.pages) == (9, 3)
    assert len(seen) == len(set(seen)) == 9
    beyond = JobListing(people.root, QueryDict("page=9"))
    assert (beyond.items, beyond.total, beyond.previous) == ([], 9, 1)
    assert JobListing(people.root, QueryDict("count=0")).total == 9


@pytest.mark.parametrize(
    "query",
    ["kind=nothing", "state=asleep", "page=0", "page=x", "count=9999", "ordering=secret", "failing=perhaps", "after=5",
     "filter=kind", "filter=owner;x", "q=%00"],
)  # fmt: skip
def test_bad_input_is_refused(people, query):
    with pytest.raises(Invalid):
        JobListing(people.root, QueryDict(query)).items  # noqa: B018


def test_the_same_asked_twice_is_asked_of_both(each, listed):
    assert not listed("filter=kind;order&filter=kind;batch")
    assert [row.name for row in listed("filter=kind;order&filter=q;ordered")] == ["order"]
    into(each["order"], "done")
    assert len(listed("filter=kind;order&filter=kind;order&filter=state;done")) == 1


def test_two_statements_whatever_there_is(each, people):
    assert people.alice.role_ids  # read once for each request
    for user in (people.root, people.alice):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            listing = JobListing(user, QueryDict(), count=25)
            assert listing.items
            assert listing.total
        assert len(asked) == 2
