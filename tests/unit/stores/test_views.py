"""Pages of destinations and sources."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from certificates.models import Deployment, update_destinations
from certificates.service import deploy
from plugins import FoundCertificate, Permanent, Temporary
from plugins.testing import sample_pki
from stores import service
from stores.models import Destination, Scan, Source
from tests.factories import a_certificate
from tests.odd_stores import OddDestination, OddSource, register
from tests.visiting import client, messages_of

pytestmark = pytest.mark.django_db
SECRET = "s3cret-canary"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def odd(monkeypatch) -> None:
    register(monkeypatch)


@pytest.fixture
def admin(people) -> Client:
    return client(people.root)


@pytest.fixture
def web(people) -> Destination:
    options = {"place": "rack", "token": SECRET}
    return service.create(
        Destination, label="web", plugin="odd-destination", options=options, description=HOSTILE, by=people.root
    )


@pytest.fixture
def files(people) -> Source:
    return service.create(Source, label="files", plugin="odd-source", options={"token": SECRET}, by=people.root)


@pytest.mark.parametrize(("pages", "plugin"), [("destinations", "odd-destination"), ("sources", "odd-source")])
def test_from_the_cards_to_one_that_exists(admin, pages, plugin):
    assert f'href="/{pages}/new"' in admin.get(f"/{pages}/").content.decode()
    cards = admin.get(f"/{pages}/new").content.decode()
    assert f'href="/{pages}/new/{plugin}"' in cards
    assert "pem-export" not in cards
    form = admin.get(f"/{pages}/new/{plugin}").content.decode()
    assert 'name="token"' in form
    answer = admin.post(
        f"/{pages}/new/{plugin}",
        {"own_label": "new", "own_active": "on", "place": "cellar", "token": SECRET},
        follow=True,
    )
    assert answer.status_code == 200
    assert messages_of(answer) == ["It was created."]
    shown = answer.content.decode()
    assert "cellar" in shown
    assert "set, and kept secret" in shown
    assert SECRET not in shown


def test_a_form_that_is_sent_twice_makes_one(admin):
    page = admin.get("/destinations/new/odd-destination").content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once
    body = {"own_label": "new", "place": "a", "once": once[1]}
    first, second = (admin.post("/destinations/new/odd-destination", body) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Destination.objects.count() == 1


def test_what_is_wrong_stands_at_the_field_and_the_secret_is_not_sent_back(admin, web):
    for address in ("/destinations/new/odd-destination", f"/destinations/{web.pk}/edit"):
        answer = admin.post(address, {"own_label": "x", "place": "a b", "token": SECRET})
        assert answer.status_code == 400
        assert list(answer.context["form"].errors) == ["place"]
        assert SECRET not in answer.content.decode()
    answer = admin.post("/destinations/new/odd-destination", {"place": "a"})
    assert list(answer.context["form"].errors) == ["own_label"]


def test_a_label_that_is_taken(admin, files):
    answer = admin.post("/sources/new/odd-source", {"own_label": "files", "place": "x"})
    assert (answer.status_code, "already a source called files" in answer.content.decode()) == (409, True)


def test_a_kind_that_is_none(admin):
    for slug in ("no-such", "odd-source", "pem-export"):
        assert admin.get(f"/destinations/new/{slug}").status_code == 404
        assert admin.post(f"/destinations/new/{slug}", {"own_label": "x"}).status_code == 404


def test_editing_keeps_the_secret_that_is_left_empty(admin, web):
    address = f"/destinations/{web.pk}/edit"
    assert "Leave empty to keep what is stored" in admin.get(address).content.decode()
    body = {"own_label": "web-2", "place": "shelf", "token": ""}
    assert admin.post(address, body).status_code == 302
    web.refresh_from_db()
    assert (web.label, web.active, web.options["place"]) == ("web-2", False, "shelf")
    assert web.open().options.token.get_secret_value() == SECRET


def test_a_secret_that_need_not_be_there_can_be_taken_away(admin, web):
    address = f"/destinations/{web.pk}/edit"
    assert "Take the stored token away" in admin.get(address).content.decode()
    body = {"own_label": "web-2", "place": "shelf", "token": "", "forget_token": "on"}
    assert admin.post(address, body).status_code == 302
    web.refresh_from_db()
    assert web.secret_names == frozenset()
    assert "Take the stored" not in admin.get(address).content.decode()


def test_text_of_strangers_is_shown_as_it_is(admin, web):
    for address in ("/destinations/", f"/destinations/{web.pk}"):
        page = admin.get(address).content.decode()
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


def test_readers_see_it_and_nothing_to_press(people, web, files):
    dora = client(people.dora)
    for address in ("/destinations/", "/sources/", f"/destinations/{web.pk}", f"/sources/{files.pk}"):
        page = dora.get(address)
        assert page.status_code == 200
        text = page.content.decode().partition("<main")[2]
        assert '<form method="post"' not in text
        assert "/new" not in text
        assert "kept secret" not in text, "whether a secret is set is for those who run it"


@pytest.mark.parametrize("person", ["alice", "dora"])
def test_nobody_else_changes_anything(people, web, files, person):
    one = client(getattr(people, person))
    for store, pages, verbs in (
        (web, "destinations", ("edit", "delete", "check", "retry")),
        (files, "sources", ("edit", "delete", "check", "look")),
    ):
        for verb in verbs:
            assert one.post(f"/{pages}/{store.pk}/{verb}", {"own_label": "x"}).status_code == 403
        assert one.get(f"/{pages}/new").status_code == 403
        assert one.post(f"/{pages}/new/{store.plugin}", {"own_label": "x"}).status_code == 403
    assert (Destination.objects.get().label, Source.objects.get().label) == ("web", "files")


def test_trying_the_connection(admin, web, monkeypatch):
    address = f"/destinations/{web.pk}/check"
    assert admin.get(address).status_code == 405
    assert messages_of(admin.post(address, follow=True)) == ["The connection works."]
    monkeypatch.setattr(OddDestination, "trouble", Temporary("nobody answers"))
    assert messages_of(admin.post(address, follow=True)) == ["It does not work: nobody answers"]


def test_what_is_there_and_what_was_given_up(admin, people, root_ca, web, monkeypatch):
    good, bad, waits = (a_certificate(people.alice, root_ca, cn=f"{n}.example.org") for n in ("good", "bad", "waits"))
    for certificate in (good, bad, waits):
        update_destinations(certificate, web)
    ids = {row.certificate.cn: row.pk for row in Deployment.objects.select_related("certificate")}
    deploy(ids["good.example.org"])
    monkeypatch.setattr(OddDestination, "trouble", Permanent("wrong format <b>"))
    deploy(ids["bad.example.org"])
    page = admin.get(f"/destinations/{web.pk}").content.decode()
    for text in ("Given up", "wrong format &lt;b&gt;", "There", "Waiting", "1 delivery was given up", "Try again"):
        assert text in page
    answer = admin.post(f"/destinations/{web.pk}/retry", follow=True)
    assert messages_of(answer) == ["Deliveries that are tried again within a minute: 1."]
    assert "Given up" not in answer.content.decode()


def test_deleting_says_what_it_means(admin, people, root_ca, web, files):
    update_destinations(a_certificate(people.alice, root_ca, cn="there.example.org"), web)
    page = admin.get(f"/destinations/{web.pk}/delete").content.decode()
    assert "1 certificate is delivered there." in page
    assert "there.example.org" in page
    assert Destination.objects.exists()
    for store, pages in ((web, "destinations"), (files, "sources")):
        answer = admin.post(f"/{pages}/{store.pk}/delete", follow=True)
        assert messages_of(answer) == [f"{store.label} was deleted."]
    assert not Destination.objects.exists()
    assert not Source.objects.exists()


def test_looking_into_a_source(admin, people, root_ca, files, monkeypatch):
    known, stranger = (
        a_certificate(people.alice, root_ca, cn="known.example.org"),
        sample_pki().bundle(host="new.example.org"),
    )
    found = [
        FoundCertificate(certificate=known.parsed, where="a/known.pem"),
        FoundCertificate(certificate=stranger.certificate, private_key=stranger.private_key, where="b.pem"),
    ]
    monkeypatch.setattr(OddSource, "found", found)
    page = looked_into(admin, files)
    for text in ("2 certificates.", known.get_absolute_url(), "a/known.pem", "new.example.org", "with its key"):
        assert text in page
    assert "PRIVATE KEY" not in page
    monkeypatch.setattr(OddSource, "trouble", Temporary("nobody answers"))
    assert "It cannot be looked at: nobody answers" in looked_into(admin, files)


def looked_into(admin, files) -> str:
    """What is shown once a worker has looked."""
    assert admin.post(f"/sources/{files.pk}/look")["Location"] == f"/sources/{files.pk}/found"
    service.scan(files.scan.pk)
    answer = admin.get(f"/sources/{files.pk}/found")
    assert "Refresh" not in answer
    return answer.content.decode()


def test_nobody_waits_in_a_request_for_what_a_source_holds(admin, files, monkeypatch):
    monkeypatch.setattr(OddSource, "certificates", None)
    assert admin.get(f"/sources/{files.pk}/found").status_code == 404
    answer = admin.post(f"/sources/{files.pk}/look", follow=True)
    assert answer["Refresh"] == "2"
    assert "It is being looked at" in answer.content.decode()
    assert Scan.objects.get().state == "waiting"


def test_lists_are_searched_and_swapped(admin, people, web):
    service.create(Destination, label="mail", plugin="odd-destination", by=people.root)
    page = admin.get("/destinations/?q=WE", headers={"HX-Request": "true"}).content.decode()
    assert ("web" in page, "mail" in page, "<html" in page) == (True, False, False)
    assert "Nothing matches" in admin.get("/destinations/?q=zzz").content.decode()


def test_empty_lists(admin):
    assert "No destinations yet" in admin.get("/destinations/").content.decode()
    assert "No sources yet" in admin.get("/sources/").content.decode()


def test_lists_need_a_fixed_number_of_statements(admin, people, web, django_assert_max_num_queries):
    for number in range(10):
        service.create(Destination, label=f"n{number}", plugin="odd-destination", by=people.root)
    with django_assert_max_num_queries(8):
        admin.get("/destinations/")
