"""Views of lists that a person keeps."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts import service
from accounts.models import SavedView
from accounts.service.saved_views import MOST
from core.errors import Forbidden, Invalid
from core.models import AuditEntry

pytestmark = pytest.mark.django_db
LIST = "/certificates/"


def kept(user) -> list[tuple[str, str, str]]:
    return list(SavedView.objects.filter(user=user).values_list("page", "name", "query"))


def test_a_view_is_a_link_to_the_list_as_it_was(people):
    view = service.save_view(page=LIST, name=" soon ", query="phase=expiring&page=3&q=a%26b", by=people.alice)
    assert kept(people.alice) == [(LIST, "soon", "phase=expiring&q=a%26b")]
    assert view.get_absolute_url() == "/certificates/?phase=expiring&q=a%26b"
    assert AuditEntry.objects.filter(event="view.saved", actor=people.alice).count() == 1


def test_the_same_name_is_the_same_view(people):
    for query in ("q=a", "q=b"):
        service.save_view(page=LIST, name="mine", query=query, by=people.alice)
    service.save_view(page="/authorities/", name="mine", query="", by=people.alice)
    service.save_view(page=LIST, name="mine", query="q=c", by=people.bob)
    assert kept(people.alice) == [(LIST, "mine", "q=b"), ("/authorities/", "mine", "")]
    assert kept(people.bob) == [(LIST, "mine", "q=c")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"page": "https://evil.example/"}, "page"),
        ({"page": "//evil.example/"}, "page"),
        ({"page": "javascript:alert(1)"}, "page"),
        ({"page": "/nowhere/"}, "page"),
        ({"page": ""}, "page"),
        ({"query": "q=" + "a" * 2000}, "query"),
    ],
)
def test_what_is_no_view(people, changes, field):
    with pytest.raises(Invalid) as caught:
        service.save_view(**{"page": LIST, "name": "mine", "query": "q=a", **changes}, by=people.alice)
    assert list(caught.value.reasons) == [field]
    assert kept(people.alice) == []


def test_there_is_an_end_to_it(people):
    for number in range(MOST):
        service.save_view(page=LIST, name=str(number), query="q=a", by=people.alice)
    with pytest.raises(Invalid, match="remove one first"):
        service.save_view(page=LIST, name="one more", query="q=a", by=people.alice)
    service.save_view(page=LIST, name="0", query="q=b", by=people.alice)


def test_nobody_touches_those_of_others(people):
    view = service.save_view(page=LIST, name="mine", query="q=a", by=people.alice)
    for other in (people.bob, people.root):
        with pytest.raises(Forbidden):
            service.remove_view(view, by=other)
    service.remove_view(view, by=people.alice)
    assert kept(people.alice) == []


def test_they_stand_above_their_list_and_nowhere_else(people):
    service.save_view(page=LIST, name="end of year", query="q=a", by=people.alice)
    client = Client()
    client.force_login(people.alice)
    assert "end of year" in client.get(LIST).content.decode()
    assert "end of year" not in client.get("/authorities/").content.decode()
    client.force_login(people.bob)
    assert "end of year" not in client.get(LIST).content.decode()
