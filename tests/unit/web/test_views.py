"""What pages have in common."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts.models import User
from core.errors import Conflict, Forbidden, Invalid, NotFound, Precondition
from pki.errors import BadName
from tests.unit.web.things import Thing, ThingForm, permissions
from web import views
from web.views import act, add_errors, get_or_404, sentences

TEMPLATES = {"form.html": "{{ title }}|{{ form.name.errors }}|{{ form.non_field_errors }}"}


@pytest.fixture(autouse=True)
def _template(settings: Any) -> None:
    """One page that shows a form's errors."""
    templates = [dict(settings.TEMPLATES[0], APP_DIRS=False)]
    loaders = [
        ("django.template.loaders.locmem.Loader", TEMPLATES),
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    templates[0]["OPTIONS"] = {"context_processors": [], "loaders": loaders}
    settings.TEMPLATES = templates


def request_with(rf: RequestFactory, method: str = "POST", path: str = "/", **data: str) -> HttpRequest:
    request: HttpRequest = rf.generic(method, path)
    request.POST = data  # type: ignore[assignment]
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    MessageMiddleware(lambda _: HttpResponse()).process_request(request)
    return request


@pytest.mark.django_db
class TestGetOr404:
    def test_within_what_is_permitted(self, rf: RequestFactory, alice: User) -> None:
        mine = Thing.objects.create(name="mine", owner=alice.email)
        foreign = Thing.objects.create(name="foreign", owner="bob@example.org")
        request = rf.get("/")
        request.user = alice
        assert get_or_404(request, permissions, pk=mine.pk) == mine
        for pk in (foreign.pk, 0, 2**70):
            with pytest.raises(NotFound, match="There is no such thing"):
                get_or_404(request, permissions, pk=pk)

    def test_within_given_rows(self, rf: RequestFactory, alice: User) -> None:
        mine = Thing.objects.create(name="mine", owner=alice.email)
        request = rf.get("/")
        request.user = alice
        assert get_or_404(request, permissions, Thing.objects.all(), action="change", name="mine") == mine
        with pytest.raises(NotFound):
            get_or_404(request, permissions, Thing.objects.exclude(pk=mine.pk), pk=mine.pk)


class TestAct:
    def act(self, request: HttpRequest, form: forms.Form, do: Any, **options: Any) -> HttpResponse:
        return act(request, form, do, **{"done": "Done.", "template": "form.html", "to": "/next", **options})

    def test_shown(self, rf: RequestFactory) -> None:
        response = self.act(request_with(rf, "GET"), ThingForm(), print, context={"title": "Order"})
        assert (response.status_code, response.content) == (200, b"Order||")

    def test_done(self, rf: RequestFactory) -> None:
        request, did = request_with(rf), []

        def do(name: str) -> None:
            did.append(name)

        response = self.act(request, ThingForm({"name": "a"}), do)
        assert (response.status_code, response["Location"]) == (302, "/next")
        assert did == ["a"]
        assert [str(message) for message in get_messages(request)] == ["Done."]

    def test_done_to_something_with_a_page(self, rf: RequestFactory) -> None:
        request = request_with(rf)
        done = "{} was made.".format
        response = self.act(request, ThingForm({"name": "a"}), lambda name: Thing(pk=7, name=name), done=done, to=None)
        assert response["Location"] == "/things/7"
        assert [str(message) for message in get_messages(request)] == ["a was made."]

    def test_the_form_refuses(self, rf: RequestFactory) -> None:
        response = self.act(request_with(rf), ThingForm({"name": ""}), print)
        assert response.status_code == 400
        assert "This field is required." in response.content.decode()

    @pytest.mark.parametrize(
        ("error", "status", "page"),
        [
            (Invalid.field("name", "No."), 400, '|<ul class="errorlist" id="id_name_error"><li>No.</li></ul>|'),
            (Invalid.rule("No."), 400, '||<ul class="errorlist nonfield"><li>No.</li></ul>'),
            (Invalid.field("size", "No."), 400, '||<ul class="errorlist nonfield"><li>size: No.</li></ul>'),
            (
                BadName("No.", field="extensions.name"),
                400,
                '|<ul class="errorlist" id="id_name_error"><li>No.</li></ul>|',
            ),
            (Conflict("There is one."), 409, '||<ul class="errorlist nonfield"><li>There is one.</li></ul>'),
            (Precondition("Not now."), 412, '||<ul class="errorlist nonfield"><li>Not now.</li></ul>'),
        ],
    )
    def test_the_domain_refuses(self, rf: RequestFactory, error: Exception, status: int, page: str) -> None:
        def do(name: str) -> None:
            raise error

        response = self.act(request_with(rf), ThingForm({"name": "a"}), do)
        assert (response.status_code, response.content.decode()) == (status, page)

    def test_what_is_no_matter_of_the_form(self, rf: RequestFactory) -> None:
        def do(name: str) -> None:
            raise Forbidden("You may not.")

        with pytest.raises(Forbidden):
            self.act(request_with(rf), ThingForm({"name": "a"}), do)


def test_add_errors_returns_the_status() -> None:
    form = ThingForm({"name": "a"})
    assert add_errors(form, Conflict("There is one.")) == 409
    assert form.non_field_errors() == ["There is one."]


@pytest.mark.parametrize(
    ("reasons", "flat"),
    [
        ({}, []),
        ({"a": "x"}, [("a", "x")]),
        ({"a": {"b": "x", "c": ["y", "z"]}}, [("a.b", "x"), ("a.c", "y"), ("a.c", "z")]),
        ({"Schema": {"rule": ["x", "y"]}}, [("", "x"), ("", "y")]),
    ],
)
def test_sentences(reasons: Any, flat: list[tuple[str, str]]) -> None:
    assert sentences(reasons) == flat


class TestHandlers:
    @pytest.mark.parametrize(
        ("handler", "error", "status", "body"),
        [
            (views.bad_request, SuspiciousOperation("detail"), 400, b"could not understand"),
            (views.permission_denied, PermissionError("You may not."), 403, b"You may not."),
            (views.page_not_found, NotFound(), 404, b'"error": "404 Not Found: '),
        ],
    )
    def test_json_for_the_api(
        self, rf: RequestFactory, handler: Any, error: Exception, status: int, body: bytes
    ) -> None:
        response = handler(rf.get("/api/1/x"), error)
        assert response.status_code == status
        assert response["Content-Type"] == "application/json"
        assert body in response.content
        assert b"detail" not in response.content

    def test_the_last_page_needs_nothing(self, rf: RequestFactory) -> None:
        response = views.server_error(rf.get("/"))
        assert response.status_code == 500
        assert b"<h1>" in response.content

    @pytest.mark.parametrize("error", [OperationalError("server closed the connection"), InterfaceError("closed")])
    @pytest.mark.parametrize("path", ["/certificates/", "/api/1/certificates", "/login", "/metrics-of-nothing"])
    def test_a_database_that_does_not_answer(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr("web.middleware.BodyLimit.__call__", fail)
        client.raise_request_exception = False
        response = client.get(path)
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        said = response.json()["message"] if path.startswith("/api/") else response.content.decode()
        assert "The database does not answer at the moment. Try again in a few seconds." in said
        assert str(error) not in said
