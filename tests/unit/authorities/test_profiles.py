"""The built-in profiles of a new installation are those of pki."""

import pytest

from authorities.models import Profile
from pki.profiles import BUILT_IN


@pytest.mark.django_db
def test_the_rows_are_the_values():
    rows = {row.name: row.value() for row in Profile.objects.all()}
    assert rows == {name: value for name, value in BUILT_IN.items() if name != "root"}
