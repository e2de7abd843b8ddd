"""What happens around every request."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from core.audit import acting
from core.models import IdempotentAnswer
from tests.unit.web.things import Work
from web.middleware import BodyLimit, RequestContext, client_address

pytestmark = pytest.mark.urls("tests.unit.web.things")


class TestRequestId:
    @pytest.mark.django_db
    def test_everybody_gets_one(self, client: Client) -> None:
        first, second = (client.get("/headers")["X-Request-Id"] for _ in range(2))
        assert first != second
        assert len(first) == 32

    @pytest.mark.django_db
    @pytest.mark.parametrize(("given", "kept"), [("abc-12345.X_y", True), ("short", False), ("a b c d e f", False)])
    def test_a_plain_one_is_kept(self, client: Client, given: str, kept: bool) -> None:
        assert (client.get("/headers", headers={"X-Request-Id": given})["X-Request-Id"] == given) is kept

    @pytest.mark.parametrize("given", ["x" * 65, "<script>alert(1)</script>", "line\nbreak-1234", "ä" * 10])
    def test_junk_is_replaced(self, rf: RequestFactory, given: str) -> None:
        request = rf.get("/")
        request.META["HTTP_X_REQUEST_ID"] = given
        assert RequestContext(lambda _: HttpResponse())(request)["X-Request-Id"] != given

    def test_logs_and_audit_know_it_while_the_request_lasts(self, rf: RequestFactory) -> None:
        seen: dict[str, Any] = {}

        def view(request: HttpRequest) -> HttpResponse:
            seen.update(structlog.contextvars.get_contextvars(), acting=acting())
            return HttpResponse()

        response = RequestContext(view)(rf.get("/", REMOTE_ADDR="192.0.2.1"))
        assert seen["request_id"] == seen["acting"].request_id == response["X-Request-Id"]
        assert (seen["acting"].kind, seen["acting"].address) == ("request", "192.0.2.1")
        assert acting().kind == ""
        assert "request_id" not in structlog.contextvars.get_contextvars()

    def test_the_context_ends_even_when_the_view_fails(self, rf: RequestFactory) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            raise KeyError("bug")

        with pytest.raises(KeyError):
            RequestContext(view)(rf.get("/"))
        assert acting().kind == ""


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "address"),
    [
        ("192.0.2.1", "", [], "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", [], "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", ["198.51.100.0/24"], "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", ["192.0.2.1"], "203.0.113.9"),
        ("192.0.2.1", "1.1.1.1, 203.0.113.9", ["192.0.2.0/24"], "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9, 192.0.2.7", ["192.0.2.0/24"], "203.0.113.9"),
        ("192.0.2.1", "192.0.2.7", ["192.0.2.0/24"], "192.0.2.7"),
        ("192.0.2.1", "evil", ["192.0.2.1"], "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9, evil", ["192.0.2.1"], "192.0.2.1"),
        ("", "203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
        ("", "203.0.113.9", [], ""),
        ("::1", "2001:DB8::1", ["::1"], "2001:db8::1"),
    ],
)
def test_who_called(
    rf: RequestFactory, settings: Any, remote: str, forwarded: str, proxies: list[str], address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(rf.get("/", headers=headers, REMOTE_ADDR=remote)) == address


@pytest.mark.parametrize(
    ("remote", "believed"), [("192.0.2.1", True), ("", True), ("203.0.113.9", False), ("nonsense", False)]
)
def test_only_a_trusted_proxy_says_that_it_is_https(
    rf: RequestFactory, settings: Any, remote: str, believed: bool
) -> None:
    settings.TRUSTED_PROXIES = ["192.0.2.0/24"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    seen: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.extend([request.is_secure(), "X-Forwarded-Proto" in request.headers])
        return HttpResponse()

    RequestContext(view)(rf.get("/", headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=remote))
    assert seen == [believed, believed]


class TestBodyLimit:
    @pytest.mark.parametrize("length", ["4194305", "9" * 30, "-1", "x", "1e3"])
    def test_too_large_or_senseless(self, rf: RequestFactory, length: str) -> None:
        request = rf.post("/api/1/things")
        request.META["CONTENT_LENGTH"] = length
        response = BodyLimit(lambda _: HttpResponse("read"))(request)
        assert response.status_code == 400
        assert response.content == b'{"message": "The request body may not be larger than 4,194,304 bytes."}'

    @pytest.mark.parametrize("length", ["", "0", "4194304"])
    def test_within_the_limit(self, rf: RequestFactory, length: str) -> None:
        request = rf.post("/api/1/things")
        request.META["CONTENT_LENGTH"] = length
        assert BodyLimit(lambda _: HttpResponse("read"))(request).content == b"read"

    @pytest.mark.django_db
    def test_pages_say_it_in_a_sentence(self, client: Client, settings: Any) -> None:
        settings.MAX_BODY = 10
        response = client.post("/headers", {"a": "x" * 100})
        assert response.status_code == 400
        assert "may not be larger than 10 bytes." in response.content.decode()


@pytest.mark.django_db
class TestHeaders:
    def test_on_pages_and_api(self, client: Client) -> None:
        for path in ("/headers", "/api/1/open", "/nowhere"):
            response = client.get(path)
            policy = response["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response["X-Content-Type-Options"] == "nosniff"
            assert response["X-Frame-Options"] == "DENY"
            assert response["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_a_view_has_its_way(self, client: Client) -> None:
        assert client.get("/headers")["Cache-Control"] == "max-age=60"
        assert client.get("/api/1/open")["Cache-Control"] == "no-store"


@pytest.mark.django_db
class TestActingUser:
    def test_the_one_who_is_logged_in(self, client: Client, alice: User) -> None:
        client.force_login(alice)
        assert client.get("/headers").content.decode() == "request 127.0.0.1 alice alice"

    def test_nobody(self, client: Client, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert client.get("/headers").content.decode() == "request 127.0.0.1 None AnonymousUser"

    def test_a_token_wins_over_a_session(self, client_of_alice: APIClient) -> None:
        bob = User.objects.create_user("bob", "bob@example.org", "x")
        client_of_alice.force_login(bob)
        headers = {"Idempotency-Key": "k"}
        made = client_of_alice.post(
            "/api/1/things", {"displayName": "a", "owner": "a@b.de"}, format="json", headers=headers
        )
        assert made.status_code == 200
        assert (Work.done, IdempotentAnswer.objects.get().user.username) == (
            [IdempotentAnswer.objects.get().pk],
            "alice",
        )


@pytest.mark.django_db
class TestDomainErrorPages:
    @pytest.mark.parametrize(
        ("error", "status", "sentence"),
        [
            ("forbidden", 403, "You may not."),
            ("invalid", 400, "page: Give a number."),
            ("pki", 400, "No such name."),
        ],
    )
    def test_a_sentence_and_the_id(self, client: Client, error: str, status: int, sentence: str) -> None:
        response = client.get(f"/page?raise={error}", headers={"X-Request-Id": "req-12345678"})
        assert response.status_code == status
        page = response.content.decode()
        assert sentence in page
        assert "req-12345678" in page

    def test_bugs_tell_nothing_but_the_id(self) -> None:
        client = Client(raise_request_exception=False)
        response = client.get("/page?raise=bug", headers={"X-Request-Id": "req-12345678"})
        assert response.status_code == 500
        page = response.content.decode()
        assert "req-12345678" in page
        assert "KeyError" not in page

    def test_an_unknown_page(self, client: Client) -> None:
        response = client.get("/nowhere")
        assert response.status_code == 404
        assert "There is nothing here" in response.content.decode()
