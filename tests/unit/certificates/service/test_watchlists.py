"""What an operator looks after in lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certificates import service
from certificates.models import Certificate, CertificateDomain, Deployment
from lifecycle.models import Endpoint
from stores.models import Destination, Source
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def one(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca)


def change(certificate: Certificate, **columns) -> None:
    Certificate.objects.filter(pk=certificate.pk).update(**columns)


def serve(certificate: Certificate) -> None:
    source, _ = Source.objects.get_or_create(label="a", plugin="none")
    for port in (443, 8443):
        Endpoint.objects.create(
            name="x", dnsname=f"{certificate.pk}", port=port, type="t", source=source, certificate=certificate
        )


def put(certificate: Certificate, plugin: str) -> None:
    for label in "ab":
        destination = Destination.objects.create(label=label, plugin=plugin)
        Deployment.objects.create(certificate=certificate, destination=destination)


def test_how_many_an_authority_has_issued(people, root_ca, issuing_ca, one):
    change(one, status="revoked")
    assert service.get_issued_cert_count_for_authority(root_ca) == 1
    assert service.get_issued_cert_count_for_authority(issuing_ca) == 0


OVER = [{"not_after": NOW - DAY}, {"status": "revoked"}, {"deleted": True}]


class TestRenewsNotByItself:
    def test_at_an_endpoint(self, one):
        assert list(service.get_all_certs_attached_to_endpoint_without_autorotate()) == []
        serve(one)
        assert list(service.get_all_certs_attached_to_endpoint_without_autorotate()) == [one]

    def test_at_a_destination(self, one):
        ask = service.get_all_certs_attached_to_destination_without_autorotate
        assert list(ask()) == []
        put(one, "sftp-destination")
        assert list(ask()) == list(ask("sftp-destination")) == list(ask(plugin_name="sftp-destination")) == [one]
        assert list(ask("aws-destination")) == []

    @pytest.mark.parametrize("columns", [*OVER, {"rotation": True}])
    def test_not(self, one, columns):
        serve(one)
        put(one, "sftp-destination")
        change(one, **columns)
        assert list(service.get_all_certs_attached_to_endpoint_without_autorotate()) == []
        assert list(service.get_all_certs_attached_to_destination_without_autorotate()) == []

    def test_not_what_is_replaced(self, people, root_ca, one):
        serve(one)
        put(one, "sftp-destination")
        a_certificate(people.alice, root_ca, replaces=[one])
        assert list(service.get_all_certs_attached_to_endpoint_without_autorotate()) == []
        assert list(service.get_all_certs_attached_to_destination_without_autorotate()) == []


def test_renews_itself_though_nothing_serves_it(one):
    ask = service.get_all_certs_not_attached_to_endpoint_with_autorotate
    assert list(ask()) == []
    change(one, rotation=True)
    assert list(ask()) == [one]
    serve(one)
    assert list(ask()) == []


@pytest.mark.parametrize("columns", OVER)
def test_what_is_over_needs_no_renewal(one, columns):
    change(one, rotation=True, **columns)
    assert list(service.get_all_certs_not_attached_to_endpoint_with_autorotate()) == []


def test_recently_issued(root_ca, issuing_ca, one):
    ask = service.list_recent_valid_certs_issued_by_authority
    assert list(ask([root_ca.pk, issuing_ca.pk], 1)) == list(ask({root_ca.pk}, None)) == [one]
    assert list(ask([issuing_ca.pk], 1)) == list(ask([], 1)) == []
    change(one, date_created=NOW - 3 * DAY)
    assert list(ask([root_ca.pk], 2)) == []
    assert list(ask([root_ca.pk], 4)) == [one]
    change(one, status="revoked")
    assert list(ask([root_ca.pk], 4)) == []


def test_the_same_name_on_the_same_day(people, root_ca, one):
    ask = service.get_certificates_with_same_cn_with_rotate_on
    evening = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    twin = a_certificate(people.alice, root_ca)
    for certificate in (one, twin):
        change(certificate, rotation=True, date_created=evening)
    assert list(ask("www.example.org", evening - timedelta(hours=20))) == [twin, one]
    # The same moment, in a zone where it is the next day already.
    assert list(ask("www.example.org", evening.astimezone(tz=None))) == [twin, one]
    assert list(ask("www.example.org", evening + timedelta(seconds=1))) == list(ask("example.org", evening)) == []
    a_certificate(people.alice, root_ca, replaces=[one])
    change(twin, rotation=False)
    assert list(ask("www.example.org", evening)) == []


def test_served_and_over_soon(one, settings):
    CertificateDomain.objects.filter(certificate=one).update(ports=[443])
    change(one, not_after=NOW + 15 * DAY)
    assert list(service.get_expiring_deployed_certificates()) == []
    settings.LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS = 16
    assert list(service.get_expiring_deployed_certificates()) == [one]
    CertificateDomain.objects.filter(certificate=one).update(ports=[])
    assert list(service.get_expiring_deployed_certificates()) == []


def test_one_statement_each(root_ca, one, django_assert_num_queries):
    for ask in (
        service.get_all_certs_attached_to_endpoint_without_autorotate,
        service.get_all_certs_attached_to_destination_without_autorotate,
        service.get_all_certs_not_attached_to_endpoint_with_autorotate,
        service.get_expiring_deployed_certificates,
    ):
        with django_assert_num_queries(1):
            list(ask())
