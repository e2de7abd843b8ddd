"""Without regard to the case of ASCII letters, and found however it is written otherwise, on both engines alike."""

from __future__ import annotations

import pytest
from django.db.models import F

from accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def role() -> Role:
    """Its name sorts by code point on PostgreSQL, its description as the database does."""
    return Role.objects.create(name="Zürich_100%@example.org", description="Zürich_100%@example.org")


@pytest.mark.parametrize("column", ["name", "description"])
@pytest.mark.parametrize(
    ("lookup", "text"),
    [
        ("icontains", "ü"),
        ("icontains", "züRICH_100%"),
        ("istartswith", "zürich"),
        ("iendswith", "@EXAMPLE.org"),
        ("iexact", "zürich_100%@Example.org"),
        ("wildcards", "züric_%EXAMPLE.org"),
    ],
)
def test_found(role: Role, column: str, lookup: str, text: str) -> None:
    assert Role.objects.filter(**{f"{column}__{lookup}": text}).get() == role


@pytest.mark.parametrize("column", ["name", "description"])
@pytest.mark.parametrize(
    ("lookup", "text"),
    [
        ("icontains", "Ü"),
        ("icontains", "Zürich%100"),
        ("istartswith", "rich"),
        ("iendswith", "example"),
        ("iexact", "zürich"),
    ],
)
def test_not_found(role: Role, column: str, lookup: str, text: str) -> None:
    assert not Role.objects.filter(**{f"{column}__{lookup}": text}).exists()


def test_compared_with_another_column(role: Role) -> None:
    assert Role.objects.filter(name__iexact=F("description")).get() == role
    assert Role.objects.filter(name__icontains=F("description"), pk=role.pk).get() == role
