"""Real servers and programs for tests: each is started for real, or the test that needs it is skipped with the reason.

With REQUIRE=1, as in CI, a missing one is a failure instead.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

MISSING = "missing server"
_LIST = Path(__file__).parent.parent / "apt-packages.txt"


def packages() -> dict[str, str]:
    """The Debian package of each program that tests may ask for."""
    lines = [line for line in _LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    pairs = [line.partition("#")[::2] for line in lines]
    return {program: package.strip() for package, programs in pairs for program in programs.split()}


def require(program: str) -> str:
    """The path of a program; skips the running test, or fails it under REQUIRE=1, where it is not installed."""
    package = packages().get(program)
    if package is None:
        pytest.fail(f"{program} is not listed in tests/apt-packages.txt", pytrace=False)
    path = shutil.which(program)
    if path is None:
        missing(f"{program} (apt-get install {package})")
    return path


def missing(what: str) -> None:
    """Skip the running test for want of `what`, or fail it under REQUIRE=1."""
    if os.environ.get("REQUIRE") == "1":
        pytest.fail(f"{MISSING}: {what}; REQUIRE=1 makes this a failure", pytrace=False)
    pytest.skip(f"{MISSING}: {what}")
