"""What a person sees first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now as clock

from certificates.models import Certificate, Deployment
from core.models import SweepRun
from lifecycle import failures, overview
from lifecycle.models import Alarm, Brake, Endpoint, Finding, Sync
from stores.models import Destination, Source
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)


def rows():
    return Certificate.objects.filter(root_authority=None)


def ending(certificate, moment, **fields):
    Certificate.objects.filter(pk=certificate.pk).update(not_after=moment, not_before=NOON - timedelta(1), **fields)


@pytest.fixture
def make(people, root_ca):
    return lambda cn: a_certificate(people.alice, root_ca, cn=cn)


def test_each_month_has_what_ends_in_it(make):
    for number, (moment, rotation) in enumerate(
        [
            (datetime(2027, 1, 31, 23, 59, tzinfo=UTC), True),
            (datetime(2027, 2, 1, tzinfo=UTC), True),
            (datetime(2027, 2, 28, 23, 59, tzinfo=UTC), False),
            (datetime(2027, 2, 10, tzinfo=UTC), False),
            (datetime(2028, 1, 31, tzinfo=UTC), False),
            (datetime(2028, 2, 1, tzinfo=UTC), False),
            (NOON - timedelta(hours=1), False),
        ]
    ):
        ending(make(f"c{number}.example.org"), moment, rotation=rotation)
    months = overview.timeline(rows(), now=NOON)
    assert [f"{month.begins:%Y-%m}" for month in months][::12] == ["2027-01", "2028-01"]
    assert {f"{month.begins:%Y-%m}": (month.renewed, month.unrenewed) for month in months if month.total} == {
        "2027-01": (1, 0),
        "2027-02": (1, 2),
        "2028-01": (0, 1),
    }
    assert [(month.high, month.low) for month in months[:2]] == [(33, 0), (33, 66)]
    assert (months[1].low_top, months[1].high_top) == (34, 1)


def test_what_has_a_successor_ends_nowhere(make):
    old, new = make("old.example.org"), make("new.example.org")
    new.replaces.add(old)
    assert sum(month.total for month in overview.timeline(rows(), now=clock())) == 1


def test_everything_that_needs_somebody_is_said_once_with_its_number_and_its_list(make):
    soon = make("soon.example.org")
    ending(soon, NOON + timedelta(days=3))
    for number in range(2):
        Alarm.objects.create(kind="delivery-stuck", topic=str(number), label="x", url="/", owner="", since=NOON)
    Alarm.objects.create(kind="delivery-stuck", topic="0", label="x", url="/", owner="", since=NOON, resolved_at=NOON)
    Alarm.objects.create(kind="never-heard-of", topic="1", label="x", url="/", owner="", since=NOON)
    Alarm.objects.create(kind="renewal-failing", topic="2", label="x", url="/", owner="", since=NOON)
    source = Source.objects.create(label="s", plugin="directory-source")
    Endpoint.objects.create(name="a", dnsname="a", port=1, type="t", source=source, problems=["wrong certificate"])
    Endpoint.objects.create(name="b", dnsname="b", port=1, type="t", source=source)
    Brake.objects.create(began_at=NOON, due=9, allowed=3)
    found = [(one.words, one.url, one.urgent) for one in overview.concerns(rows(), among=1, now=NOON)]
    assert found == [
        ("The renewal of 1 certificate is failing", "/alarms/?kind=renewal-failing", True),
        ("2 deliveries are stuck", "/jobs/?kind=deployment&failing=true", True),
        ("Never heard of: 1", "/alarms/?kind=never-heard-of", True),
        (
            "1 certificate ends within 30 days and does not renew itself",
            "/certificates/?phase=expiring&rotation=false&ordering=not_after",
            True,
        ),
        ("1 endpoint serves something else than it should", "/endpoints/?troubled=true&active=true", True),
        ("Renewals are held back: more are due than an hour may see", "/rotations/", True),
    ]


def test_it_takes_two_statements(make, django_assert_num_queries):
    with django_assert_num_queries(2):
        overview.concerns(rows(), among=1, now=NOON)


def test_shares_are_counted_with_the_largest_first(make, people):
    first, _second, third = (make(f"{letter}.example.org") for letter in "abc")
    Certificate.objects.filter(pk=third.pk).update(owner="other@example.org")
    first.destinations.add(Destination.objects.create(label="web", plugin="directory-destination"))
    shares = {share.title: share.parts for share in overview.shares(rows(), largest=5, now=clock())}
    assert [(part.label, part.number, part.width) for part in shares["By owner"]] == [
        (people.alice.email, 2, 100),
        ("other@example.org", 1, 50),
    ]
    assert [(part.label, part.number) for part in shares["By destination"]] == [("web", 1)]
    assert shares["By owner"][1].url == "/certificates/?in_use=true&owner=other%40example.org"
    assert len(overview.shares(rows(), largest=1, now=clock())[2].parts) == 1


@pytest.fixture
def dora(people):
    client = Client()
    client.force_login(people.dora)
    return client


def page(client, address, **headers):
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_says_when_nobody_works(dora, make):
    make("a.example.org")
    assert "has not begun yet" in page(dora, "/")
    SweepRun.objects.create(name="x", begun_at=clock() - timedelta(hours=2))
    assert "gave its last sign 2 hours ago" in page(dora, "/")
    SweepRun.objects.update(begun_at=clock())
    assert "last sign" not in page(dora, "/")


@pytest.fixture
def everything(make, people):
    """One of each that counts, and beside it what must not count with it."""
    now = clock()
    used, replaced, revoked, new = (make(f"{name}.example.org") for name in ("used", "replaced", "revoked", "new"))
    new.replaces.add(replaced)
    Certificate.objects.filter(pk=revoked.pk).update(status="revoked")
    Certificate.objects.filter(root_authority=None).update(not_after=now + timedelta(days=9))
    web = Destination.objects.create(label="web", plugin="directory-destination")
    for one in (used, replaced, revoked):
        one.destinations.add(web)
    source = Source.objects.create(label="s", plugin="directory-source")
    for number, active in enumerate([True, False]):
        place = {"name": "a", "dnsname": "a", "port": number, "type": "t", "source": source, "active": active}
        Endpoint.objects.create(**place, problems=["wrong certificate"])
    Finding.objects.create(fingerprint="1" * 64, certificate=used, source=source, found_at=now)
    Finding.objects.create(fingerprint="2" * 64, source=source, found_at=now)
    Sync.objects.create(source=source, state="failed", failures=1, cancelled=True)


def listed(client, address):
    shown = client.get(address).context["listing"]
    return len(shown.items) if shown.total is None else shown.total


def test_what_is_stuck_leads_to_where_it_is_tried_again(dora, make):
    certificate, web = make("a.example.org"), Destination.objects.create(label="web", plugin="directory-destination")
    Deployment.objects.create(certificate=certificate, destination=web, state="failed")
    source, other = (Source.objects.create(label=label, plugin="directory-source") for label in "so")
    Sync.objects.create(source=source, state="failed", failures=1)
    Sync.objects.create(source=other)
    failures.sweep_failures()
    found = {one.words: listed(dora, one.url) for one in dora.get("/").context["concerns"]}
    assert found == {"1 delivery is stuck": 1, "1 source cannot be looked into": 1}


def test_each_number_is_that_of_the_list_behind_its_link(dora, everything):
    shown = dora.get("/").context
    found = {one.url.partition("?")[0]: (int(one.words.split()[0]), listed(dora, one.url)) for one in shown["concerns"]}
    assert found == {"/certificates/": (2, 2), "/endpoints/": (1, 1), "/found/": (1, 1)}
    for month in shown["months"]:
        assert month.total == listed(dora, f"/certificates/?in_use=true&ends_in={month.begins:%Y-%m}")
    for share in dora.get("/overview/shares").context["shares"]:
        for part in share.parts:
            assert part.number == listed(dora, part.url), (share.title, part.label)


def test_a_search_keeps_what_the_list_was_narrowed_by(dora):
    shown = page(dora, "/alarms/?kind=delivery-stuck&ordering=since&page=2&q=x")
    assert '<input type="hidden" name="kind" value="delivery-stuck">' in shown
    assert '<input type="hidden" name="ordering" value="since">' in shown
    assert '<input type="hidden" name="page" value="2">' not in shown


def test_without_alarms_everything_works(dora):
    assert "Everything works" in page(dora, "/alarms/")


def test_alarms_are_those_that_are_open(dora):
    for number, resolved in enumerate([None, NOON]):
        Alarm.objects.create(
            kind="crl-stale",
            topic=str(number),
            label=f"CA {number}",
            url="/",
            owner="",
            since=NOON,
            resolved_at=resolved,
        )
    assert ("CA 0" in page(dora, "/alarms/"), "CA 1" in page(dora, "/alarms/")) == (True, False)
    shown = page(dora, "/alarms/?over=true", HX_Request="true")
    assert ("CA 0" in shown, "CA 1" in shown, "<html" in shown) == (False, True, False)


def test_a_month_of_the_timeline_is_a_list(dora, make):
    ending(make("in.example.org"), datetime(2027, 3, 1, tzinfo=UTC))
    ending(make("out.example.org"), datetime(2027, 4, 1, tzinfo=UTC))
    shown = page(dora, "/certificates/?ends_in=2027-03")
    assert ("in.example.org" in shown, "out.example.org" in shown) == (True, False)
    assert "in.example.org" not in page(dora, "/certificates/?ends_in=nonsense")
    assert page(dora, "/overview/shares", HX_Request="true").lstrip().startswith("<div")


def test_the_first_page_takes_at_most_twelve_statements(dora, make, django_assert_max_num_queries):
    for number in range(6):
        make(f"c{number}.example.org")
    page(dora, "/")
    with django_assert_max_num_queries(12):
        page(dora, "/")
