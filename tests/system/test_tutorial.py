"""The README's and the tutorial's shell blocks, against the real product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import run_shell
from tests.system.installation import Installation

pytestmark = [pytest.mark.server("curl"), pytest.mark.server("openssl")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Nothing in it: the tutorial counts."""
    place = Installation.prepared(tmp_path_factory.mktemp("tutorial") / "home")
    with place.running():
        yield place


def test_the_tutorial_ends_with_a_verified_certificate(place: Installation, tmp_path: Path) -> None:
    shown = run_shell("docs/tutorial.md", tmp_path, place.home, place.port)
    assert "intermediate.pem: OK\n" in shown
    assert "www.pem: OK\n" in shown
    assert shown.count("Verification: OK\n") == 3
    assert "DNS:www.example.com, DNS:example.com, IP Address:127.0.0.1\n" in shown
    count, found, name = shown.splitlines()[-3:]
    assert (count, found) == ("3", "1")
    assert name.startswith("SAN-www.example.com-TutorialIssuingCA-")


def test_the_readme_makes_a_certificate_in_a_minute(place: Installation, tmp_path: Path) -> None:
    assert run_shell("README.md", tmp_path, place.home, place.port).endswith("www.pem: OK\n")
