"""Lists of certificates to look at, as files, and below the search box of every page."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from certificates.models import Certificate
from certificates.service import tag
from certificates.views_lists import COLUMNS, FOUND
from notifications.models import Notification
from tests.factories import a_certificate
from web.choices import MOST_CHOICES

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(people):
    client = Client()
    client.force_login(people.dora)
    return client


@pytest.fixture
def make(people, root_ca):
    return lambda cn="www.example.org": a_certificate(people.alice, root_ca, cn=cn)


def read(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return b"".join(answer).decode()


def spellings(serial: str) -> list[str]:
    plain = format(int(serial), "X").zfill(len(format(int(serial), "X")) // 2 * 2)
    pairs = [plain[at : at + 2] for at in range(0, len(plain), 2)]
    return [serial, plain, plain.lower(), f"0x{plain}", ":".join(pairs), " ".join(pairs), "-".join(pairs).lower()]


def test_a_file_holds_what_the_list_is_narrowed_to(reader, make):
    wanted = make(cn="wanted.example")
    make(cn="other.example")
    (row,) = json.loads(read(reader, "/certificates/list.json?q=wanted"))
    assert list(row) == list(COLUMNS)
    assert (row["id"], row["names"], row["serial"]) == (wanted.pk, ["wanted.example"], wanted.serial_hex)
    heading, line = csv.reader(io.StringIO(read(reader, "/certificates/list.csv?q=wanted"), newline=""))
    assert dict(zip(heading, line, strict=True))["name"] == wanted.name


def test_what_is_narrowed_by_tags_shows_and_holds_them(reader, people, root_ca, make):
    a_certificate(people.alice, root_ca, cn="tagged.example", tags=["env:prod", "pci"])
    make()
    (row,) = json.loads(read(reader, "/certificates/list.json?tag=pci,env:prod"))
    assert (row["common_name"], row["tags"]) == ("tagged.example", ["env:prod", "pci"])
    _, line = csv.reader(io.StringIO(read(reader, "/certificates/list.csv?tag=pci"), newline=""))
    assert line[-1] == "env:prod pci"
    shown = read(reader, "/certificates/?tag=env:prod&tag=pci&owner=alice@example.org")
    assert '<li class="pill">env:prod</li>' in shown
    assert 'value="env:prod,pci"' in shown
    for left, other in (("env:prod", "pci"), ("pci", "env%3Aprod")):
        chip = f'href="?tag={other}&amp;owner=alice%40example.org"'
        assert re.search(rf'{re.escape(chip)}|href="\?owner=alice%40example.org&amp;tag={other}"', shown), left


def test_it_holds_all_pages_in_the_order_of_the_list(reader, make):
    names = [make(cn=f"{letter}.example").cn for letter in "bca"]
    rows = json.loads(read(reader, "/certificates/list.json?ordering=cn&page=7&count=1"))
    assert [row["common_name"] for row in rows if row["common_name"] in names] == sorted(names)


@pytest.mark.parametrize("question", ["ordering=nothing", "filter=bad", "time_range=never", "id=99999999999999999999"])
def test_a_question_that_makes_no_sense_is_refused_before_anything_is_sent(reader, question):
    assert reader.get(f"/certificates/list.csv?{question}").status_code == 400


def test_a_serial_number_is_found_in_any_spelling(reader, make):
    certificate = make()
    make()
    for text in spellings(certificate.serial):
        rows = json.loads(read(reader, f"/certificates/list.json?q={text}"))
        assert [row["id"] for row in rows] == [certificate.pk], text


def test_a_fingerprint_is_found_with_colons_and_spaces(reader, make):
    certificate = make()
    pairs = [certificate.fingerprint[at : at + 2].upper() for at in range(0, 64, 2)]
    for text in (certificate.fingerprint, ":".join(pairs), " ".join(pairs)):
        assert [row["id"] for row in json.loads(read(reader, f"/certificates/list.json?q={text}"))] == [certificate.pk]


def test_the_box_of_every_page_shows_the_first_few(reader, make):
    for number in range(FOUND + 1):
        make(cn=f"shop-{number}.example")
    shown = read(reader, "/certificates/find?q=shop-")
    assert shown.count("<li>") == FOUND
    assert "Show all that match" in shown
    assert "shop-3.example" in read(reader, "/certificates/find?q=shop-3")
    assert "No certificate matches" in read(reader, "/certificates/find?q=nothing")


def test_too_little_finds_nothing_and_asks_nothing(reader, django_assert_max_num_queries):
    Certificate.objects.exists()
    with django_assert_max_num_queries(2):  # who asks
        assert read(reader, "/certificates/find?q=sh").strip() == ""


def test_what_a_list_is_narrowed_by_stands_above_it_with_a_way_out(reader, make):
    make()
    shown = read(reader, "/certificates/?filter_owner=example&rotation=true&q=x")
    assert '<span class="chip-label">Owner</span> <bdi>example</bdi>' in shown
    assert '<span class="chip-label">Renews itself</span> <bdi>Yes</bdi>' in shown
    assert 'href="?rotation=true&amp;q=x"' in shown


def test_whatever_is_not_too_much_is_chosen_from_a_list(reader, make):
    [first] = make().notifications.all()[:1]
    text = read(reader, f"/certificates/?notification={first.pk}")
    assert f'<option value="{first.pk}" selected>{first}</option>' in text
    assert 'for="id_notification"' in text


def test_what_is_too_much_to_choose_from_stays_as_the_address_says(reader, make, django_assert_max_num_queries):
    [first] = make().notifications.all()[:1]
    Notification.objects.bulk_create(
        Notification(label=f"mail {number}", plugin="email-notification") for number in range(MOST_CHOICES)
    )
    with django_assert_max_num_queries(13):
        text = read(reader, f"/certificates/?notification={first.pk}&q=www")
    assert f'<input type="hidden" name="notification" value="{first.pk}" id="id_notification">' in text
    assert "mail 7" not in text
    assert "www.example.org" in text


def test_the_page_of_one_asks_once_what_may_be_done_with_it(people, make):
    client = Client()
    client.force_login(people.alice)
    shown = make()
    tag(shown, ["env:prod"], by=people.alice)
    with CaptureQueriesContext(connection) as asked:
        text = read(client, shown.get_absolute_url())
    assert len(asked) <= 17
    assert all(word in text for word in ("Reissue", "Replace", "Revoke", "Show the key", "?tag=env%3Aprod"))


@pytest.mark.parametrize(
    ("query", "said", "other"),
    [
        ("page=9", "The list ends before this page", "No certificate"),
        ("page=9&q=nothing", "No certificate matches", "The list ends"),
    ],
)
def test_a_page_beyond_the_end_says_so_and_leads_back(reader, make, query, said, other):
    make()
    page = read(reader, f"/certificates/?{query}")
    assert said in page
    assert other not in page
    assert "0–0" not in page
    assert 'rel="prev"' in page
