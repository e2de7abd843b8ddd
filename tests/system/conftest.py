"""One running product for all tests of this folder that need no more of it than that it runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.installation import Installation


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Without the demo; what a test looks at it makes, under a name of its own."""
    place = Installation.prepared(tmp_path_factory.mktemp("product") / "home", OUTBOUND_ALLOW="127.0.0.0/8")
    with place.running():
        yield place
