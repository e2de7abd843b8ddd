"""Lists: Lemur's dialect and plain parameters, paging, totals, and a fixed number of statements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from accounts import service as accounts
from certificates import service
from certificates.models import Certificate
from tests.endings import ends
from tests.factories import a_certificate
from tests.people import api

pytestmark = pytest.mark.django_db

URL = "/api/1/certificates"


@pytest.fixture
def rows(people, root_ca):
    named = {}
    for cn, owner in (
        ("www.a.example", "joe@a.example"),
        ("mail.a.example", "jane@a.example"),
        ("*.b.example", "joe@b.example"),
    ):
        names = [{"name_type": "DNSName", "value": "alt.b.example"}] if cn == "*.b.example" else []
        extensions = {"sub_alt_names": {"names": names}}
        named[cn] = a_certificate(people.alice, root_ca, cn=cn, owner=owner, extensions=extensions)
    return named


def names(client, query):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json()
    return [item["cn"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter=cn;WWW", {"www.a.example"}),
        ("filter=cn;b.example", {"*.b.example"}),
        ("filter=name;WILDCARD", {"*.b.example"}),
        ('filter=name;"root"', {"Root CA"}),
        ("filter=owner;JOE", {"www.a.example", "*.b.example"}),
        ("owner=JOE@a.example", {"www.a.example"}),
        ("filter=issuer;Root", {"www.a.example", "mail.a.example", "*.b.example"}),
        ("filter=notify;true", {"www.a.example", "mail.a.example", "*.b.example", "Root CA"}),
        ("filter=notify;false", set()),
        ("filter=cn;notify.example", set()),
        ("q=jane", {"mail.a.example"}),
        ("phase=valid&filter=cn;a.example", {"www.a.example", "mail.a.example"}),
        ("phase=revoked", set()),
        ("creator=alice", {"www.a.example", "mail.a.example", "*.b.example"}),
        ("timeRange=1", set()),
        ("timeRange=60", {"www.a.example", "mail.a.example", "*.b.example"}),
        ("keyType=ECCPRIME", {"www.a.example", "mail.a.example", "*.b.example", "Root CA"}),
        ("short=true&filter=cn;www", {"www.a.example"}),
        ('filter=cn;"alt.b.example"', {"*.b.example"}),
        ('filter=name;"ALT.B.example"', {"*.b.example"}),
        ('filter=cn;"b.example"', set()),
        ('filter=cn;"alt%"', {"*.b.example"}),
        ('filter=cn;"%25.a.exampl_"', {"www.a.example", "mail.a.example"}),
        ('filter=cn;"www.a.example%25mail"', set()),
        ("filter=cn;w_w%25exam", {"www.a.example"}),
        (r"filter=cn;w\_w", set()),
        ("filter=body;BEGIN", {"www.a.example", "mail.a.example", "*.b.example", "Root CA"}),
        ("filter=chain;BEGIN", {"www.a.example", "mail.a.example", "*.b.example"}),
        ("filter=csr;REQUEST", {"www.a.example", "mail.a.example", "*.b.example"}),
        ("filter=externalId;x", set()),
        ("filter=san;true", {"*.b.example"}),
        ("filter=san;false", {"www.a.example", "mail.a.example", "Root CA"}),
        ("filter=destination;9999", set()),
    ],
)
def test_filters(people, rows, query, expected):
    assert set(names(api(people.charlie), query)) == expected


def test_serials_in_every_spelling(people, rows):
    wanted = rows["www.a.example"]
    hexadecimal = f"{int(wanted.serial):x}"
    pairs = hexadecimal.zfill(len(hexadecimal) + len(hexadecimal) % 2)
    colons = ":".join(pairs[i : i + 2] for i in range(0, len(pairs), 2))
    for spelling in (wanted.serial, f"0x{hexadecimal}", colons):
        assert names(api(people.charlie), f"serial={spelling}") == ["www.a.example"]


def test_ids_one_or_several(people, rows):
    one, two = rows["www.a.example"].pk, rows["mail.a.example"].pk
    assert names(api(people.bob), f"id={one},{two}&sortBy=id&sortDir=asc") == ["www.a.example", "mail.a.example"]
    assert names(api(people.bob), f"filter=id;{one}") == ["www.a.example"]


@pytest.mark.parametrize(
    "column", ["status", "notify", "rotation", "description", "signingAlgorithm", "san", "externalId"]
)
def test_every_column_sorts(people, rows, column):
    assert len(names(api(people.bob), f"sortBy={column}&sortDir=desc")) == 4


def test_columns_of_others_sort(people, root_ca):
    client = api(people.root)
    for address in ("authorities?sortBy=active", "authorities?sortBy=description", "pending_certificates?sortBy=owner"):
        assert client.get(f"/api/1/{address}&sortDir=asc").status_code == 200


def test_no_pattern_takes_long(people, root_ca):
    a_certificate(people.alice, root_ca, cn="a" * 50 + ".example")
    pattern = "%25a" * 20 + "%25b%25"
    with ends():
        assert names(api(people.bob), f"filter=cn;{pattern}") == []
        assert api(people.bob).get(f"{URL}/valid?filter=cn;{pattern}").json()["items"] == []


def test_newest_first_unless_sorted(people, rows):
    client = api(people.bob)
    assert names(client, "count=3") == ["*.b.example", "mail.a.example", "www.a.example"]
    assert names(client, "sortBy=owner&sortDir=desc&filter=cn;.example")[0] == "*.b.example"
    assert names(client, "sortBy=owner") == names(client, "")


def test_pages_and_totals(people, rows):
    client = api(people.bob)
    answer = client.get(f"{URL}?page=2&count=3").json()
    assert (len(answer["items"]), answer["total"]) == (1, 4)
    assert client.get(f"{URL}?page=9").json() == {"items": [], "total": 4}
    assert client.get(f"{URL}?count=0").json() == {"items": [], "total": 4}
    assert client.get(f"{URL}?total=none&count=1").json()["total"] is None
    first = client.get(f"{URL}?count=2").json()["items"]
    after = client.get(f"{URL}?count=2&after={first[-1]['id']}").json()["items"]
    assert len({item["id"] for item in (*first, *after)}) == 4


@pytest.mark.parametrize(
    "query",
    [
        "filter=issuer", "filter=privateKey;x", "filter=nothing;x", "sortBy=body&sortDir=asc",
        "sortBy=user&sortDir=asc",
        "sortBy=private_key&sortDir=desc", "page=0", "page=x", "count=-1", "count=100000", "filter=notify;perhaps",
        "id=abc", "filter=id;99999999999999999999999", "serial=%00", "authority=7%27", "timeRange=1e400",
    ],
)  # fmt: skip
def test_nonsense_is_a_400_with_a_reason(people, rows, query):
    answer = api(people.bob).get(f"{URL}?{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["message"]


def test_the_message_that_lemurs_clients_know(people):
    answer = api(people.bob).get(f"{URL}?filter=private_key;x")
    assert "'private_key' is not sortable or filterable" in answer.json()["message"]


def test_a_list_costs_at_most_eight_statements_whatever_its_length(people, root_ca, django_assert_max_num_queries):
    for number in range(12):
        a_certificate(people.alice, root_ca, cn=f"host{number}.example.org")
    for user in (people.root, people.bob):
        client = api(user)
        for count in (2, 12):
            with django_assert_max_num_queries(8):
                client.get(f"{URL}?count={count}&filter=cn;host")


def test_one_costs_at_most_twelve(people, rows, django_assert_max_num_queries):
    client = api(people.bob)
    with django_assert_max_num_queries(12):
        assert client.get(f"{URL}/{rows['www.a.example'].pk}").status_code == 200


def test_deleted_ones_are_gone_from_lists(people, rows):
    service.delete(rows["www.a.example"].pk, by=people.root)
    assert "www.a.example" not in names(api(people.bob), "")


def test_authorities_are_listed_to_those_who_may_use_them(people, root_ca):
    assert api(people.bob).get("/api/1/authorities").json()["total"] == 1
    assert api(people.charlie).get("/api/1/authorities").json()["total"] == 0


def test_those_who_only_read_and_operators_see_every_authority_in_the_list(people, root_ca):
    _, token = accounts.create_api_key(user=people.charlie, name="look", read_only=True, by=people.charlie)
    reading = APIClient(headers={"Authorization": f"Bearer {token}"})
    for client in (api(people.dora), api(people.olga), api(people.root), reading):
        assert [item["name"] for item in client.get("/api/1/authorities").json()["items"]] == ["Root"]


def test_in_strict_mode_the_list_shows_what_was_entrusted_to_whoever_asks(people, root_ca, settings):
    settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
    test_authorities_are_listed_to_those_who_may_use_them(people, root_ca)


def test_phases_agree_with_their_filter(people, root_ca):
    now = datetime.now(UTC)
    old = a_certificate(people.alice, root_ca, cn="old.example")
    a_certificate(people.alice, root_ca, cn="new.example", replaces=[old])
    a_certificate(people.alice, root_ca, cn="soon.example", validity_start=now, validity_end=now + timedelta(days=5))
    a_certificate(
        people.alice,
        root_ca,
        cn="later.example",
        validity_start=now + timedelta(days=2),
        validity_end=now + timedelta(days=90),
    )
    service.revoke(a_certificate(people.alice, root_ca, cn="gone.example"), by=people.alice)
    for certificate in Certificate.objects.all():
        assert certificate.cn in names(api(people.bob), f"phase={certificate.phase}&count=100")


class TestExpiredLongAgo:
    @pytest.fixture
    def old(self, people, root_ca):
        made = a_certificate(people.alice, root_ca, cn="old.example.org")
        Certificate.objects.filter(pk=made.pk).update(not_after=datetime.now(UTC) - timedelta(days=65))
        return made

    @pytest.mark.parametrize(
        ("months", "query", "seen"),
        [
            (0, "", True), (0, "?showExpired=0", False), (0, "?showExpired=1", True), (0, "?filter=showExpired;0", False),
            (1, "", False), (-1, "", False), (3, "", True), (-3, "?showExpired=0", True), (1, "?showExpired=1", True),
            (1, "?filter=cn;old", False), (1, "?phase=expired", True), (1, "?id={0.pk}", True),
            (1, "?filter=id;{0.pk}", True), (1, "?serial={0.serial}", True), (1, "?filter=serial;{0.serial}", True),
            (1, "?fingerprint={0.fingerprint}", True), (1, "?filter=fixedName;{0.name}", True),
            (1, "?id={0.pk}&showExpired=0", False), (1, "/{0.pk}", None), (1, "/name/{0.name}", True),
        ],
    )  # fmt: skip
    def test_hidden_where_the_site_says_so(self, people, old, settings, months, query, seen):
        settings.HIDE_EXPIRED_CERTS_AFTER_MONTHS = months
        answer = api(people.charlie).get("/api/1/certificates" + query.format(old))
        assert answer.status_code == 200
        if seen is not None:
            assert (old.pk in [one["id"] for one in answer.json()["items"]]) == seen
