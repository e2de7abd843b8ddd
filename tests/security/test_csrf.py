"""A session alone changes nothing: every unsafe request of a browser needs this site's token as well."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import a_certificate
from tests.people import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(people):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.root)
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/certificates/new",
        "/certificates/import",
        "/certificates/{pk}/edit",
        "/certificates/{pk}/key",
        "/certificates/{pk}/export",
        "/authorities/new",
        "/logout",
        "/admin/password_change/",
    ],
)
def test_pages(people, root_ca, browser, address):
    pk = a_certificate(people.root, root_ca).pk
    answer = browser.post(address.format(pk=pk), {"owner": "x@example.org"})
    assert answer.status_code == 403
    assert "403_csrf.html" in [template.name for template in answer.templates]


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("post", "/api/1/certificates"),
        ("post", "/api/1/certificates/upload"),
        ("put", "/api/1/certificates/{pk}"),
        ("patch", "/api/1/certificates/{pk}"),
        ("post", "/api/1/certificates/{pk}/export"),
        ("post", "/api/1/authorities"),
        ("post", "/api/1/authorities/import"),
    ],
)
def test_the_api_with_a_session(people, root_ca, browser, method, address):
    pk = a_certificate(people.root, root_ca).pk
    answer = getattr(browser, method)(address.format(pk=pk), "{}", content_type="application/json")
    assert (answer.status_code, "CSRF" in answer.json()["message"]) == (403, True)


def test_the_log_in_form(people):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", {"username": "root", "password": PASSWORD}).status_code == 403
