"""Authorities as a tree, and the page that shows it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now as clock

from authorities import publishing, service, tree
from authorities.models import Authority, Crl, Responder
from tests.factories import an_authority

pytestmark = pytest.mark.django_db
HOSTILE = "<b>\u202eroot"


@pytest.fixture
def admin(people) -> Client:
    made = Client()
    made.force_login(people.root)
    return made


def a_row(name: str, parent: Authority | None = None, **fields: object) -> Authority:
    now = clock()
    common = {"not_before": now - timedelta(days=1), "not_after": now + timedelta(days=400), "owner": "pki@example.org"}
    common |= {"plugin": "cryptography-issuer", "body": "x", "private_key": "key:1"}
    return Authority.objects.create(name=name, parent=parent, **{**common, **fields})


def drawn() -> list[tuple[str, bool, int]]:
    rows = publishing.with_ends(Authority.objects.order_by("name"))
    return [(one.authority.name, one.opens, one.closes) for one in tree.branches(rows, clock())]


def outline(page: str) -> str:
    """The lists of the tree and the names in them, and nothing else."""
    text = page[page.index('<ul class="tree"') : page.index("data-announce")]
    parts = re.findall(r"<(/?(?:ul|li))[ >]|<a href=\"/authorities/\d+\">([^<]*)</a>", text)
    return "".join(f"<{tag}>" if tag else name for tag, name in parts)


def test_each_stands_under_its_issuer_however_deep(people):
    top = a_row("a")
    middle = a_row("b", top)
    a_row("c", middle)
    a_row("d", top)
    a_row("e")
    assert drawn() == [("a", True, 0), ("b", True, 0), ("c", False, 1), ("d", False, 1), ("e", False, 0)]


def test_any_number_of_levels():
    rows = [Authority(pk=number, parent_id=number - 1 or None, not_after=clock()) for number in range(1, 2_001)]
    assert [one.closes for one in tree.branches(rows, clock())] == [0] * 1_999 + [1_999]


def test_one_whose_parent_is_not_shown_stands_with_the_roots(people):
    a_row("below", a_row("above"))
    rows = publishing.with_ends(Authority.objects.filter(name="below"))
    assert [one.authority.name for one in tree.branches(rows, clock())] == ["below"]


def test_the_page_has_lists_within_lists(admin, people):
    top = a_row("a")
    a_row("c", a_row("b", top))
    a_row("d")
    page = admin.get("/authorities/").content.decode()
    assert outline(page) == "<ul><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li><li>d</li></ul>"


def told(name: str) -> str:
    rows = publishing.with_ends(Authority.objects.filter(name=name))
    return tree.branches(rows, clock())[0].told


def test_what_is_said_of_revocations(people):
    now = clock()
    row = a_row("a")
    assert told("a") == "No CRL and OCSP"
    hour = timedelta(hours=1)
    Crl.objects.create(authority=row, number=1, der=b"x", this_update=now - hour, next_update=now - hour)
    assert told("a") == "CRL overdue"
    Crl.objects.create(authority=row, number=2, der=b"x", this_update=now, next_update=now + hour)
    assert told("a") == "No OCSP"
    Responder.objects.create(authority=row, body="x", private_key="key:2", not_before=now, not_after=now + hour)
    assert told("a") == "CRL and OCSP current"
    Responder.objects.update(not_after=now - hour)
    assert told("a") == "OCSP overdue"
    Authority.objects.update(not_after=now - hour)
    assert told("a") == ""
    Authority.objects.update(private_key=None)
    assert told("a") == "CA elsewhere"


def test_an_authority_that_was_just_made_is_current(people):
    an_authority(people.root, name="Fresh")
    publishing.prepare(Authority.objects.get(), now=clock())
    assert told("Fresh") == "CRL and OCSP current"


def test_what_is_searched_for_stands_in_a_list_with_its_issuer(admin, people):
    a_row("needle", a_row("haystack"))
    page = admin.get("/authorities/?q=NEEDLE", headers={"HX-Request": "true"}).content.decode()
    assert "under haystack" in page
    assert 'class="tree"' not in page
    assert "<html" not in page
    back = admin.get("/authorities/?q=", headers={"HX-Request": "true"}).content.decode()
    assert 'class="tree"' in back
    assert "Nothing matches" in admin.get("/authorities/?q=zzz").content.decode()
    assert "needle" in admin.get("/authorities/?active=true&ordering=-not_after").content.decode()


def test_names_of_strangers_are_shown_as_they_are(admin, people):
    above = an_authority(people.root, name="above")
    mine = an_authority(people.root, name="below", parent=above)
    Authority.objects.filter(pk=above.pk).update(name=HOSTILE)
    for address in ("/authorities/", "/authorities/?q=o", mine.get_absolute_url(), above.get_absolute_url()):
        page = admin.get(address).content.decode()
        assert "<b>" not in page
        assert "\u202e" not in page
        assert "&lt;b&gt;" in page


def test_switched_off_is_said(admin, people, root_ca):
    service.update(root_ca, by=people.root, active=False)
    assert "Switched off" in admin.get("/authorities/").content.decode()


def test_what_has_ended_is_said(admin, people):
    a_row("old", not_after=clock() - timedelta(days=3))
    page = admin.get("/authorities/").content.decode()
    assert "Expired" in page
    assert "3 days ago" in page


def test_without_any_it_says_what_to_do_first(admin, people):
    page = admin.get("/authorities/").content.decode()
    assert "No authorities yet" in page
    assert "Create a root" in page
    assert "Connect a CA elsewhere" in page


def test_any_number_takes_as_many_statements(admin, people, django_assert_max_num_queries):
    top = a_row("top")
    for number in range(200):
        a_row(f"n{number}", top)
    with django_assert_max_num_queries(8):
        assert admin.get("/authorities/").status_code == 200
