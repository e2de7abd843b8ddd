"""Questions about certificates, by the functions of the seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certificates import service
from certificates.models import Certificate, Order, RotationPolicy
from core.errors import Invalid
from lifecycle.models import Endpoint
from stores.models import Source
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def one(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca)


@pytest.mark.parametrize(
    ("arn", "account", "name"),
    [
        ("arn:aws:iam::11111111:server-certificate/mycertificate", "11111111", "mycertificate"),
        ("arn:aws:iam::1:server-certificate/path/cert", "1", "path/cert"),
    ],
)
def test_arns(arn, account, name):
    assert (service.get_account_number(arn), service.get_name_from_arn(arn)) == (account, name)


@pytest.mark.parametrize("arn", ["", "arn", "a:b:c"])
def test_what_is_no_arn(arn):
    with pytest.raises(IndexError):
        service.get_account_number(arn)
    with pytest.raises(IndexError):
        service.get_name_from_arn(arn)


def test_by_what_it_bears(one):
    assert service.get(one.pk) == one
    assert service.get(987654) is None
    assert service.get_by_name(one.name) == one
    assert service.get_by_name(one.name.upper()) is None
    assert service.get_by_serial(one.serial) == service.get_by_serial(int(one.serial)) == [one]
    assert set(service.get_all_certs()) == set(Certificate.objects.all())
    assert service.get_by_attributes({"cn": "x,www.example.org", "nothing": 1, "private_key": "x"}) == [one]
    assert service.get_by_attributes({"cn": "www.example.org", "notify": False}) == []


def test_valid_ones(people, root_ca, one):
    old = a_certificate(people.alice, root_ca, cn="old.example.org")
    Certificate.objects.filter(pk=old.pk).update(not_after=NOW - DAY)
    own = Certificate.objects.get(root_authority=root_ca)
    assert list(service.get_all_valid_certs()) == [one, own]
    assert list(service.get_all_valid_certs(["cryptography-issuer"])) == [one]
    assert list(service.get_all_valid_certs(["acme-issuer"])) == []
    assert list(service.get_all_valid_certs(created_on_or_before=NOW - DAY)) == []
    assert list(service.get_all_valid_certs([], *(True, 1, 1))) == [one]
    assert list(service.get_all_valid_certs([], paginate=True, page=2, count=1)) == [own]
    with pytest.raises(Invalid):
        service.get_all_valid_certs([], paginate=True, page=0)


class TestPendingReissue:
    @pytest.fixture
    def due(self, one):
        Certificate.objects.filter(pk=one.pk).update(
            rotation=True, not_after=NOW + 20 * DAY, not_before=NOW - 100 * DAY
        )
        one.refresh_from_db()
        return one

    def pending(self):
        return list(service.get_all_pending_reissue(now=NOW))

    def test_in_its_window(self, due):
        assert self.pending() == [due]
        assert due.in_rotation_window

    @pytest.mark.parametrize(
        "changes",
        [
            {"rotation": False}, {"deleted": True}, {"status": "revoked"}, {"not_after": NOW - DAY},
            {"not_after": NOW + 40 * DAY}, {"authority": None},
        ],
    )  # fmt: skip
    def test_not(self, due, changes):
        Certificate.objects.filter(pk=due.pk).update(**changes)
        assert self.pending() == []

    def test_not_when_it_has_a_successor_or_an_order(self, people, root_ca, due):
        new = service.reissue_certificate(due, user=people.alice)
        assert self.pending() == [due]
        for state in (Order.State.WAITING, Order.State.UNKNOWN):
            Order.objects.filter(certificate=new).update(state=state)
            assert self.pending() == []
        Order.objects.filter(certificate=new).update(state=Order.State.DONE)
        new.replaces.add(due)
        assert self.pending() == []

    @pytest.mark.parametrize(("days", "expected"), [(19, False), (21, True)])
    def test_by_the_rows_policy(self, due, days, expected):
        due.rotation_policy = RotationPolicy.objects.create(name="mine", days=days)
        due.save()
        RotationPolicy.objects.create(name="another", days=3000)
        assert (due in self.pending()) == due.in_rotation_window == expected

    @pytest.mark.parametrize(("days", "expected"), [(19, False), (21, True)])
    def test_by_the_setting_without_a_policy(self, due, days, expected, settings):
        settings.LEMUR_DEFAULT_ROTATION_INTERVAL = days
        due.rotation_policy = None
        due.save()
        assert (due in self.pending()) == due.in_rotation_window == expected

    @pytest.mark.parametrize(("age", "expected"), [(5, True), (3, False)])
    def test_a_short_lived_one_is_not_renewed_the_day_it_is_born(self, due, age, expected):
        """In the last third of its six days only, whatever the policy says."""
        start = NOW - timedelta(days=age)
        Certificate.objects.filter(pk=due.pk).update(not_before=start, not_after=start + 6 * DAY)
        due.refresh_from_db()
        assert (due in self.pending()) == due.in_rotation_window == expected

    def test_one_statement_and_the_policies(self, due, django_assert_num_queries):
        with django_assert_num_queries(2):
            self.pending()


def test_pending_cleaning(people, root_ca, one):
    source, other = (Source.objects.create(label=label, plugin="none") for label in "ab")
    served = a_certificate(people.alice, root_ca, cn="served.example.org")
    for certificate in (one, served):
        certificate.sources.add(source)
    Endpoint.objects.create(name="x", dnsname="x", port=1, type="t", source=source, certificate=served)
    assert list(service.get_all_pending_cleaning(source)) == [one]
    assert list(service.get_all_pending_cleaning(other)) == []
    assert list(service.get_all_pending_cleaning_expired(source)) == []
    assert list(service.get_all_pending_cleaning_expiring_in_days(source, 5)) == []
    assert list(service.get_all_pending_cleaning_expiring_in_days(source, 500)) == [one]
    assert list(service.get_all_pending_cleaning_issued_since_days(source, 1)) == [one]
    Certificate.objects.filter(pk=one.pk).update(not_after=NOW - DAY, date_created=NOW - 9 * DAY)
    assert list(service.get_all_pending_cleaning_expired(source)) == [one]
    assert list(service.get_all_pending_cleaning_issued_since_days(source, 1)) == []


def test_render_and_its_sisters(people, one):
    for args in (
        {"filter": "cn;www"},
        {"filter": "name;x", "count": 0},
        {"sort_by": "id", "sort_dir": "asc", "page": 1},
    ):
        assert set(service.render({**args, "user": people.charlie})) == {"items", "total"}
    assert service.render({"filter": "cn;www", "user": people.charlie}) == {"items": [one], "total": 1}
    assert service.query_name(one.name, {"user": people.charlie}) == {"items": [one], "total": 1}
    assert service.query_name("x", {}, by=people.charlie)["total"] == 0
    found = service.query_common_name("WWW%", {"owner": "ALICE%", "san": "example"}, by=people.charlie)
    assert found == {"items": [one], "total": 1}


def test_stats(people, root_ca, one):
    assert set(service.stats(metric="issuer")["labels"]) == {"RootCA", "<selfsigned>"}
    assert sorted(service.stats(metric="authority")["labels"], key=str) == [None, "Root"]
    assert service.stats(metric="bits", destination_id=987)["values"] == []
    with pytest.raises(Invalid, match="Stats not available for requested metric: body"):
        service.stats(metric="body")
