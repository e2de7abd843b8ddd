"""Small pieces of pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import django_filters
import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import ResolverMatch

from accounts.models import User
from web.lists import FilterSet, Listing, TextsFilter
from web.templatetags.ui import time_left

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def render(text: str, **context: Any) -> str:
    return Template("{% load ui %}" + text).render(Context(context))


def test_icon() -> None:
    html = render('{% icon "x" "big" %}')
    assert 'class="icon big"' in html
    assert 'href="/static/img/icons.svg#x"' in html
    assert 'aria-hidden="true"' in html


@pytest.mark.parametrize(
    ("phase", "word"),
    [("valid", "Valid"), ("revoked", "Revoked"), ("not-yet-valid", "Not yet valid"), ("<b>", "&lt;b&gt;")],
)
def test_status_says_it_in_words(phase: str, word: str) -> None:
    assert word in render("{% status thing %}", thing=SimpleNamespace(phase=phase))


def test_utc() -> None:
    summer = datetime.fromisoformat("2026-07-01T14:00:05+02:00")
    assert render("{% utc moment %}", moment=summer) == (
        '<time datetime="2026-07-01T12:00:05Z" title="2026-07-01 12:00:05 UTC" data-precision="minute">2026-07-01 12:00 UTC</time>'
    )
    assert ">2026-07-01</time>" in render('{% utc moment "date" %}', moment=summer)
    assert render("{% utc moment %}", moment=None) == "—"


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=800), "in 2 years"),
        (timedelta(days=729), "in 729 days"),
        (timedelta(days=2), "in 2 days"),
        (timedelta(days=2, seconds=-1), "in 47 hours"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(minutes=59), "in 59 minutes"),
        (timedelta(seconds=5), "in 1 minute"),
        (timedelta(seconds=0), "1 minute ago"),
        (timedelta(seconds=-90), "1 minute ago"),
        (timedelta(days=-3), "3 days ago"),
        (timedelta(days=-4000), "10 years ago"),
    ],
)
def test_time_left(left: timedelta, words: str) -> None:
    assert time_left(NOON + left, NOON) == words


def test_time_left_by_the_clock() -> None:
    assert time_left(datetime.now(UTC) + timedelta(days=10, hours=1)) == "in 10 days"
    assert time_left(None) == "—"


@pytest.mark.parametrize(
    ("here", "marked"), [("certificates:list", True), ("certificates:detail", False), (None, False)]
)
def test_current(rf: RequestFactory, here: str | None, marked: bool) -> None:
    request = rf.get("/")
    if here:
        app, _, name = here.partition(":")
        request.resolver_match = ResolverMatch(lambda: None, (), {}, url_name=name, namespaces=[app])
    html = render('<a{% current "certificates:list" %}>', request=request)
    assert html == ('<a aria-current="page">' if marked else "<a>")


@pytest.mark.parametrize(
    ("tag", "link"),
    [
        ("{% qs page=3 %}", "?a=1&amp;a=2&amp;b=%26&amp;page=3"),
        ("{% qs a=None page=None %}", "?b=%26"),
        ("{% qs a=None b=None page=None %}", "?"),
    ],
)
def test_qs(rf: RequestFactory, tag: str, link: str) -> None:
    assert render(tag, request=rf.get("/?a=1&a=2&b=%26&page=2")) == link


@pytest.mark.parametrize(
    ("query", "link", "sort"),
    [
        ("page=3", "?ordering=cn", ""),
        ("ordering=cn", "?ordering=-cn", 'aria-sort="ascending"'),
        ("ordering=-cn", "?ordering=cn", 'aria-sort="descending"'),
        ("ordering=name&q=x", "?q=x&amp;ordering=cn", ""),
    ],
)
def test_heading(rf: RequestFactory, query: str, link: str, sort: str) -> None:
    html = render('{% heading "cn" "Name" "wide" %}', request=rf.get(f"/?{query}"))
    assert f'href="{link}"' in html
    assert 'class="wide"' in html
    assert (sort in html) if sort else "aria-sort" not in html


@pytest.mark.parametrize(
    ("query", "chips"),
    [
        ("name=x&page=2", "[Name: x ?]"),
        ("called=a,b", "[Called: a ?called=b][Called: b ?called=a]"),
        (
            "called=a&called=b&name=x",
            "[Name: x ?called=a&amp;called=b][Called: a ?name=x&amp;called=b][Called: b ?name=x&amp;called=a]",
        ),
        ("called=a,a&page=2", "[Called: a ?]"),
        ("called=,&q=x", ""),
    ],
)
def test_each_thing_that_a_list_is_narrowed_by_has_a_chip(rf: RequestFactory, query: str, chips: str) -> None:
    request = rf.get(f"/?{query}")
    text = (
        "{% chips filters as found %}{% for one in found %}[{{ one.label }}: {{ one.value }} {{ one.url }}]{% endfor %}"
    )
    filters = Listing(Narrowed, User.objects.none(), request.GET).filterset
    assert render(text, request=request, filters=filters) == chips


@pytest.mark.parametrize(
    ("key_type", "name"),
    [
        ("ECCPRIME256V1", "P-256"),
        ("ECCSECP384R1", "P-384"),
        ("RSA2048", "RSA 2048"),
        ("ED25519", "Ed25519"),
        ("MLDSA65", "MLDSA65"),
        (None, "—"),
        ("", "—"),
    ],
)
def test_key_name(key_type: str | None, name: str) -> None:
    assert render("{{ key_type|key_name }}", key_type=key_type) == name


class Narrowed(FilterSet):
    name = django_filters.CharFilter(label="Name")
    called = TextsFilter(label="Called")


class Form(forms.Form):
    name = forms.CharField()
    size = forms.IntegerField(required=False, initial=5)
    note = forms.CharField(required=False)


def test_pick() -> None:
    template = '{% for field in form|pick:"note name nothing" %}{{ field.name }} {% endfor %}'
    assert render(template, form=Form()) == "note name "


@pytest.mark.parametrize(
    ("data", "names", "touched"),
    [
        ({"name": "a", "size": "5"}, "size note nothing", False),
        ({"name": "a", "size": "6"}, "size note", True),
        ({"name": "", "size": "5"}, "name", True),
        ({"name": "a", "size": "x"}, "size", True),
    ],
)
def test_touched(data: dict[str, str], names: str, touched: bool) -> None:
    assert render("{{ form|touched:names }}", form=Form(data), names=names) == str(touched)


@pytest.mark.parametrize(("initial", "touched"), [({"size": 7}, True), ({"name": "a"}, False), ({}, False)])
def test_touched_before_it_is_sent(initial: dict[str, Any], touched: bool) -> None:
    assert render('{{ form|touched:"size note" }}', form=Form(initial=initial)) == str(touched)


def test_events() -> None:
    assert render("{{ event|happened }}", event="certificate.issued") == "Certificate issued"
    assert [render("{{ event|tone }}", event=event) for event in ("order.failed", "key.revealed", "user.updated")] == [
        "tone-bad",
        "tone-warn",
        "tone-calm",
    ]
