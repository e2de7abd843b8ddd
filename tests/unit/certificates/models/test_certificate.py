"""What a certificate says of itself: the attributes of the seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from certificates import service
from certificates.models import Certificate
from lifecycle.models import Endpoint
from stores.models import Source
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def one(people, root_ca) -> Certificate:
    made = a_certificate(
        people.alice, root_ca, organization="Example Inc", organizational_unit="Web", country="DE", state="Bayern", location="Ulm",
    )  # fmt: skip
    return Certificate.objects.get(pk=made.pk)


def test_the_subject(one):
    assert (one.organization, one.organizational_unit, one.country, one.state, one.location) == (
        "Example Inc", "Web", "DE", "Bayern", "Ulm",
    )  # fmt: skip
    assert one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == one.cn == "www.example.org"
    assert one.distinguished_name.startswith("L=Ulm") or "CN=www.example.org" in one.distinguished_name


def test_the_key(one):
    assert (one.key_type, one.bits, one.public_key.key_size) == ("ECCPRIME256V1", 256, 256)
    assert one.private_key.startswith("key:")


def test_validity(one):
    assert one.validity_range == one.not_after - one.not_before
    assert abs(one.validity_remaining - (one.not_after - datetime.now(UTC))) < timedelta(minutes=1)
    one.not_after = datetime.now(UTC) - timedelta(days=3)
    assert timedelta(days=3) <= one.validity_remaining < timedelta(days=3, minutes=1)


@pytest.mark.parametrize("changes", [{}, {"deleted": True}, {"status": "revoked"}, {"status": "unknown"}])
@pytest.mark.parametrize("moment", ["before", "first", "last", "over"])
def test_it_is_current_where_the_question_finds_it(one, changes, moment):
    second = timedelta(seconds=1)
    ends = {"first": one.not_before, "before": one.not_before - second}
    now = {**ends, "last": one.not_after - second, "over": one.not_after}[moment]
    Certificate.objects.filter(pk=one.pk).update(**changes)
    one.refresh_from_db()
    assert one.is_current(now) is Certificate.objects.current(now).filter(pk=one.pk).exists()


def test_the_arn(one):
    assert one.get_arn(11111111) == f"arn:aws:iam::11111111:server-certificate/{one.name}"
    assert service.get_name_from_arn(one.get_arn("1")) == one.name


def test_expired_and_revoked_are_true_or_nothing_and_usable_in_queries(one):
    assert (one.expired, one.revoked) == (None, None)
    assert (
        list(Certificate.objects.filter(Certificate.expired))
        == list(Certificate.objects.filter(Certificate.revoked))
        == []
    )
    Certificate.objects.filter(pk=one.pk).update(not_after=datetime.now(UTC) - timedelta(seconds=1), status="revoked")
    one.refresh_from_db()
    assert (one.expired, one.revoked) == (True, True)
    assert (
        list(Certificate.objects.filter(Certificate.expired))
        == list(Certificate.objects.filter(Certificate.revoked))
        == [one]
    )
    assert one not in Certificate.objects.exclude(Certificate.expired)
    assert Certificate.objects.annotate(over=Certificate.expired).get(pk=one.pk).over in (True, 1)


def test_extensions(one):
    said = one.extensions
    assert said["sub_alt_names"] == {"names": [{"name_type": "DNSName", "value": "www.example.org"}]}
    assert said["basic_constraints"] == {"ca": False, "path_length": None}
    assert said["authority_key_identifier"]["use_key_identifier"] is True
    assert said["subject_key_identifier"] == {"include_ski": True}


def test_what_hangs_on_it(people, root_ca, one):
    source = Source.objects.create(label="scan", plugin="none")
    one.sources.add(source)
    endpoint = Endpoint.objects.create(name="x", dnsname="x", port=1, type="t", source=source, certificate=one)
    newer = a_certificate(people.alice, root_ca, replaces=[one])
    assert (list(one.sources.all()), list(one.endpoints.all())) == ([source], [endpoint])
    assert (list(newer.replaces.all()), list(one.replaced.all())) == ([one], [newer])
    assert [entry.event for entry in one.logs] == ["certificate.issued"]
    service.update(one.pk, by=people.alice, description="x")
    assert [entry.event for entry in one.logs] == ["certificate.updated", "certificate.issued"]
    assert (one.user, one.user_id, one.authority, one.authority_id, one.root_authority_id) == (
        people.alice, people.alice.pk, root_ca, root_ca.pk, None,
    )  # fmt: skip
