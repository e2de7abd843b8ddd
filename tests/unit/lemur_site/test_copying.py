"""What is no place for a copy; that one works is for tests/system/test_copy_to.py."""

from __future__ import annotations

import pytest

from lemur_site.copying import CopyError, copy_all


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:////tmp/other.sqlite3", "Name a PostgreSQL, as postgres://USER:PASSWORD@HOST/NAME."),
        ("nonsense", "Name a PostgreSQL, as postgres://USER:PASSWORD@HOST/NAME."),
        ("postgres://nobody:secret-word@127.0.0.1:99999/none", "This is no address of a PostgreSQL; write it as "),
    ],
)
def test_what_is_no_place_for_it(url: str, reason: str) -> None:
    with pytest.raises(CopyError) as refused:
        copy_all(url)
    assert str(refused.value).startswith(reason)
    assert "secret-word" not in str(refused.value)
