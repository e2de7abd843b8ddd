"""The page of all jobs: what it says, what it offers, and what it costs."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from certificates.models import Deployment
from tests.unit.lifecycle.jobs.conftest import into

pytestmark = pytest.mark.django_db
JOBS = "/jobs/"


@pytest.fixture
def browser():
    def log_in(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def root(browser, people):
    return browser(people.root)


def test_nothing_is_under_way(root):
    said = root.get(JOBS).content.decode()
    assert "Nothing is under way, and nothing waits for somebody." in said
    assert "No job matches" in root.get(f"{JOBS}?state=failed").content.decode()


def test_every_kind_with_what_can_be_done(root, each):
    for job in each.values():
        into(job, "failed")
    said = root.get(JOBS).content.decode()
    titles = ("Order", "Delivery", "Rotation", "Revocation", "Batch", "Sync", "Scan", "Suggestion", "Notice")
    assert [title for title in titles if f">{title}" not in said] == []
    buttons = [kind for kind, job in each.items() if f'action="/jobs/{kind}/{job.pk}/retry"' in said]
    assert set(buttons) == set(each) - {"order"}
    assert "Look at it" in said  # an order's page asks more than a press of a button


def test_htmx_gets_the_rows_alone_and_they_ask_again(root, make):
    make("deployment")
    answer = root.get(f"{JOBS}?kind=deployment", headers={"HX-Request": "true"})
    said = answer.content.decode()
    assert "<html" not in said
    assert 'hx-get="/jobs/?kind=deployment" hx-trigger="every 5s"' in said
    assert "HX-Request" in answer["Vary"]


def test_who_may_not_is_offered_nothing(browser, people, make):
    job = into(make("deployment"), "failed")
    charlie = browser(people.charlie)
    said = charlie.get(JOBS).content.decode()
    assert "no answer" in said
    assert "Try now" not in said
    assert charlie.post(f"{JOBS}deployment/{job.pk}/retry").status_code == 403


def test_a_press_of_the_button_and_back_to_the_list_one_came_from(browser, people, make):
    job = into(make("deployment"), "failed")
    alice = browser(people.alice)
    answer = alice.post(f"{JOBS}deployment/{job.pk}/retry", {"next": "/jobs/?state=failed"}, follow=True)
    assert answer.redirect_chain == [("/jobs/?state=failed", 302)]
    assert "It is tried again now." in answer.content.decode()
    assert Deployment.objects.get().state == "waiting"


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(root, make, elsewhere):
    job = into(make("deployment"), "failed")
    assert root.post(f"{JOBS}deployment/{job.pk}/retry", {"next": elsewhere}).url == JOBS


def test_a_worker_was_faster(root, make):
    job = make("deployment")
    into(job, "working")
    said = root.post(f"{JOBS}deployment/{job.pk}/retry", follow=True).content.decode()
    assert "There is nothing to try again: it is due already, at work, or done." in said


def test_stopping(root, make):
    job = into(make("batch"), "working")
    assert "It stops in a moment." in root.post(f"{JOBS}batch/{job.pk}/stop", follow=True).content.decode()
    said = root.post(f"{JOBS}deployment/{make('deployment').pk}/stop", follow=True).content.decode()
    assert "cannot be stopped" in said


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=nothing", 400),
        ("state=asleep", 400),
        ("page=0", 400),
        ("page=x", 400),
        ("after=1", 400),
        ("page=99", 200),
    ],
)
def test_bad_input(root, query, status):
    assert root.get(f"{JOBS}?{query}").status_code == status


@pytest.mark.parametrize("address", ["nothing/1", "deployment/987654321", f"order/{10**30}", "notice/0"])
def test_what_does_not_exist(root, address):
    assert root.post(f"{JOBS}{address}/retry").status_code == 404


def test_what_a_stranger_chose_is_shown_as_it_is(root, make):
    into(make("deployment"), "failed")
    Deployment.objects.update(last_error="<script>\u202e")
    said = root.get(JOBS).content.decode()
    assert "&lt;script&gt;" in said
    assert "\u202e" not in said


@pytest.mark.parametrize("person", ["root", "alice"])
def test_a_page_takes_few_statements_whatever_there_is(browser, people, each, django_assert_max_num_queries, person):
    for job in each.values():
        into(job, "failed")
    client = browser(getattr(people, person))
    for query in ("", "?state=failed", "?state=done", "?page=1&count=2", "?failing=true&q=example"):
        cache.clear()
        with django_assert_max_num_queries(9):
            assert client.get(f"{JOBS}{query}").status_code == 200
