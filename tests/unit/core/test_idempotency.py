"""What an earlier request with the same key had made is recognised, and made once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from accounts.models import Role, User
from core.audit import acting_as
from core.errors import Conflict
from core.idempotency import recall, remember
from core.models import IdempotentAnswer

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(db: None) -> Iterator[int]:
    """A request with an Idempotency-Key is at work."""
    user = User.objects.create_user("alice", "alice@example.org", "x")
    row = IdempotentAnswer.objects.create(user=user, key="k", lease_until=datetime.now(UTC))
    with acting_as(idempotency=row.pk):
        yield row.pk


@pytest.fixture
def role(db: None) -> Role:
    return Role.objects.create(name="made")


def test_nothing_yet(key: int) -> None:
    assert recall(Role) is None


def test_what_was_remembered(key: int, role: Role) -> None:
    remember(role)
    assert recall(Role) == role
    assert recall(User) is None, "it was no user"


def test_what_is_gone_is_not_there(key: int, role: Role) -> None:
    remember(role)
    role.delete()
    assert recall(Role) is None


def test_the_second_one_makes_nothing(key: int, role: Role) -> None:
    remember(role)
    other = Role.objects.create(name="other")
    with pytest.raises(Conflict):
        remember(other)
    assert recall(Role) == role


def test_in_the_place_of_one_that_failed(key: int, role: Role) -> None:
    remember(role)
    other = Role.objects.create(name="other")
    remember(other, instead_of=role)
    assert recall(Role) == other
    with pytest.raises(Conflict):
        remember(role, instead_of=role)


def test_without_a_key_nothing_is_remembered(role: Role) -> None:
    remember(role)
    remember(role)
    assert recall(Role) is None
