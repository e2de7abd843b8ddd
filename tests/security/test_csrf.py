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
        "/certificates/import/many",
        "/certificates/many",
        "/certificates/preview",
        "/certificates/batches/1/cancel",
        "/certificates/batches/1/retry",
        "/certificates/{pk}/edit",
        "/certificates/{pk}/key",
        "/certificates/{pk}/export",
        "/certificates/{pk}/reissue",
        "/certificates/orders/{pk}/upload",
        "/certificates/orders/{pk}/retry",
        "/certificates/orders/{pk}/cancel",
        "/domains/new",
        "/domains/{pk}/mark",
        "/authorities/new",
        "/authorities/connect/acme-issuer",
        "/authorities/1/edit",
        "/notifications/new/email-notification",
        "/notifications/1/edit",
        "/notifications/1/delete",
        "/notifications/1/test",
        "/notices/1/acknowledge",
        "/notices/1/snooze",
        "/policies/new",
        "/policies/1/edit",
        "/policies/1/delete",
        "/destinations/new/sftp-destination",
        "/destinations/1/edit",
        "/destinations/1/delete",
        "/destinations/1/check",
        "/destinations/1/retry",
        "/sources/new/directory-source",
        "/sources/1/edit",
        "/sources/1/delete",
        "/sources/1/check",
        "/sources/1/look",
        "/dns-providers/new/rfc2136-dns",
        "/dns-providers/1/edit",
        "/dns-providers/1/delete",
        "/dns-providers/1/check",
        "/logout",
        "/admin/password_change/",
        "/account/password",
        "/account/keys/new",
        "/account/keys/1/revoke",
        "/login",
        "/login/code",
        "/login/set-up",
        "/confirm",
        "/account/sessions/end-others",
        "/account/sessions/0/end",
        "/account/second-factor",
        "/account/second-factor/codes",
        "/account/second-factor/remove",
        "/people/1/end-sessions",
        "/people/1/reset-second-factor",
        "/views/save",
        "/views/1/remove",
        "/people/new",
        "/people/1/edit",
        "/roles/new",
        "/roles/1/edit",
        "/roles/1/members",
        "/roles/1/delete",
        "/roles/1/credentials",
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
        ("post", "/api/1/certificates/{pk}"),
        ("delete", "/api/1/certificates/{pk}"),
        ("post", "/api/1/certificates/{pk}/update/switches"),
        ("post", "/api/1/certificates/{pk}/update/owner"),
        ("put", "/api/1/certificates/{pk}/description"),
        ("post", "/api/1/certificates/{pk}/reissue"),
        ("delete", "/api/1/pending_certificates/{pk}"),
        ("put", "/api/1/pending_certificates/{pk}"),
        ("post", "/api/1/pending_certificates/{pk}/upload"),
        ("post", "/api/1/pending_certificates/{pk}/retry"),
        ("post", "/api/1/domains"),
        ("put", "/api/1/domains/{pk}"),
        ("post", "/api/1/dns_providers"),
        ("delete", "/api/1/dns_providers/{pk}"),
        ("post", "/api/1/authorities"),
        ("post", "/api/1/notifications"),
        ("put", "/api/1/notifications/1"),
        ("delete", "/api/1/notifications/1"),
        ("put", "/api/1/notices/1/acknowledge"),
        ("put", "/api/1/notices/1/snooze"),
        ("post", "/api/1/policies"),
        ("put", "/api/1/policies/1"),
        ("delete", "/api/1/policies/1"),
        ("post", "/api/1/authorities/import"),
        ("post", "/api/1/users"),
        ("put", "/api/1/users/1"),
        ("post", "/api/1/users/1/keys"),
        ("put", "/api/1/users/1/keys/1"),
        ("delete", "/api/1/users/1/keys/1"),
        ("post", "/api/1/roles"),
        ("put", "/api/1/roles/1"),
        ("delete", "/api/1/roles/1"),
        ("post", "/api/1/keys"),
        ("put", "/api/1/keys/1"),
        ("delete", "/api/1/keys/1"),
        ("post", "/api/1/destinations"),
        ("put", "/api/1/destinations/1"),
        ("delete", "/api/1/destinations/1"),
        ("post", "/api/1/sources"),
        ("put", "/api/1/sources/1"),
        ("delete", "/api/1/sources/1"),
    ],
)
def test_the_api_with_a_session(people, root_ca, browser, method, address):
    pk = a_certificate(people.root, root_ca).pk
    answer = getattr(browser, method)(address.format(pk=pk), "{}", content_type="application/json")
    assert (answer.status_code, "CSRF" in answer.json()["message"]) == (403, True)


def test_the_log_in_form(people):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", {"username": "root", "password": PASSWORD}).status_code == 403
