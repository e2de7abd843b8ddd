"""Searching names: what is found, and that PostgreSQL has an index for it."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory

from certificates.filters import CertificateFilter, anything_like
from certificates.models import Certificate
from tests.factories import a_certificate
from web.lists import Listing

pytestmark = pytest.mark.django_db


def listing(query: str) -> Listing[Certificate]:
    request = RequestFactory().get("/")
    return Listing(CertificateFilter, Certificate.objects.all(), QueryDict(query), request=request, form=False)


@pytest.mark.parametrize(
    "query", ["q=svc", "filter=name;svc", "filter=cn;svc", 'filter=name;"svc"', "filter=owner;svc", "q=a_b%25c"]
)
def test_an_index_finds_parts_of_names(query: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite looks at every row")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        statement, values = listing(query).rows.order_by().query.sql_with_params()
        cursor.execute(f"EXPLAIN {statement}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "certificate_search" in plan, plan


def test_the_admin_site_searches_as_the_pages_do(people, root_ca, rf) -> None:
    made = a_certificate(people.alice, root_ca, cn="first.example.org", owner="owner@example.org")
    site = admin.site.get_model_admin(Certificate)
    for text in ("RST.exam", "owner@", made.serial_hex, made.fingerprint.upper(), ""):
        found, doubled = site.get_search_results(rf.get("/"), Certificate.objects.filter(root_authority=None), text)
        assert ([one.pk for one in found], doubled) == ([made.pk], False), text
    found, _ = site.get_search_results(rf.get("/"), Certificate.objects.all(), "svc")
    assert str(found.query) == str(Certificate.objects.filter(anything_like("svc")).query)


@pytest.mark.parametrize("query", ["filter=name;{}", "filter=cn;{}", "q={}", "fixed_name=&filter=name;%25{}"])
def test_letters_beyond_ascii_are_found(people, root_ca, query: str) -> None:
    made = a_certificate(people.alice, root_ca, cn="Zürcher Dienst", extensions=CLIENT)
    assert [one.pk for one in listing(query.format("zürcher dienst")).items] == [made.pk]


CLIENT = {"extended_key_usage": {"use_client_authentication": True}}


def test_names_of_one_certificate_are_not_taken_together(people, root_ca) -> None:
    made = a_certificate(people.alice, root_ca, cn="first.example.org", owner="owner@example.org")
    assert listing(f"filter=name;{made.name}").total == 1
    assert listing("filter=name;%25org%25first.example.org").total == 0
    assert listing("filter=name;owner@").total == 0
    assert listing("filter=cn;SAN-first").total == 0


def test_what_is_found_is_counted_with_one_look(people, root_ca, django_assert_num_queries) -> None:
    made = [a_certificate(people.alice, root_ca, cn=f"one{number}.example.org") for number in range(3)]
    with django_assert_num_queries(2):
        page = listing("filter=name;ONE&count=2")
        assert ([one.pk for one in page.items], page.total, page.pages) == ([made[2].pk, made[1].pk], 3, 2)
    last = listing("filter=name;one&count=2&page=2")
    assert ([one.pk for one in last.items], last.total) == ([made[0].pk], 3)
    beyond = listing("filter=name;one&count=2&page=7")
    assert (beyond.items, beyond.total) == ([], 3)
    assert listing("filter=name;one&count=0").total == 3
    assert listing("filter=name;two").total == 0
    sorted_by_name = listing("filter=name;one&sortBy=name&sortDir=asc&count=2")
    assert [one.pk for one in sorted_by_name.items] == [made[0].pk, made[1].pk]
