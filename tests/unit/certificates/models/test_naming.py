"""Names that are taken, and the seed's listeners (contract 4.5 and 5)."""

from __future__ import annotations

import pytest

from accounts.models import Role
from certificates import service
from certificates.models import (
    Certificate,
    Deployment,
    get_or_increase_name,
    get_sequence,
    update_destinations,
    update_replacement,
)
from stores.models import Destination
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db

HEX = "AFF2DB4F8D2D4D8E80FA382AE27C2333"
SERIAL = str(int(HEX, 16))


@pytest.fixture
def named(people, root_ca):
    """Certificates of these names."""

    def make(*names: str) -> None:
        for name in names:
            a_certificate(people.alice, root_ca, name=name)

    return make


@pytest.mark.parametrize(
    ("taken", "name", "serial", "expected"),
    [
        ([], "X", SERIAL, "X"),
        (["X"], "X", SERIAL, f"X-{HEX}"),
        (["X"], "x", SERIAL, "x"),
        (["test-cert-11111111-1"], "test-cert-11111111-1", SERIAL, f"test-cert-11111111-1-{HEX}"),
        (["certificate1", f"certificate1-{HEX}"], "certificate1", SERIAL, f"certificate1-{HEX}-1"),
        (["foo"], "foo", None, "foo-1"),
        (["foo", "foo-1", "foo-7"], "foo", None, "foo-8"),
    ],
)
def test_the_nearest_name_that_is_free(named, taken, name, serial, expected):
    named(*taken)
    assert get_or_increase_name(name, serial) == expected
    if serial is None:
        assert get_or_increase_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo", ("foo", None)), ("foo-bar", ("foo-bar", None)), ("foo-1", ("foo", 1)), ("a-b-2", ("a-b", 2)),
        ("foo-1234567", ("foo", 1234567)), ("foo-12345678", ("foo-12345678", None)), ("foo--1", ("foo-", 1)),
    ],
)  # fmt: skip
def test_the_number_behind_a_name(name, expected):
    assert get_sequence(name) == expected


def test_two_of_the_same_day(people, root_ca):
    first, second = a_certificate(people.alice, root_ca), a_certificate(people.alice, root_ca)
    assert second.name == f"{first.name}-{second.serial_hex}"


def test_a_destination_is_written_down_once_and_nobody_talks_to_it(people, root_ca):
    one, place = a_certificate(people.alice, root_ca), Destination.objects.create(label="x", plugin="none")
    for _ in "12":
        update_destinations(one, place, None)
    assert Deployment.objects.get().state == Deployment.State.WAITING
    assert list(one.destinations.all()) == [place]


def test_what_is_replaced_is_silent_but_for_that_as_it_was(people, root_ca):
    old, new = (a_certificate(people.alice, root_ca, rotation=True) for _ in "12")
    update_replacement(new, old, None)
    assert (old.notify, Certificate.objects.get(pk=old.pk).notify, Certificate.objects.get(pk=old.pk).rotation) == (
        False, False, True,
    )  # fmt: skip


def test_roles_of_a_certificate(people, root_ca):
    assert [role.name for role in service.create_certificate_roles(owner="New@example.org")] == ["new@example.org"]
    both = service.create_certificate_roles(owner="new@example.org", authority=root_ca, nothing="of interest")
    assert [role.name for role in both] == ["new@example.org", "pki@example.org"]
    assert Role.objects.get(name="new@example.org").description == "Auto generated role based on owner: new@example.org"
