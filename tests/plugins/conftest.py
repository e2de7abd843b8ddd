"""Programs that judge our files: the OpenSSL command line and Java's keytool."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


def _runner(name: str) -> Run:
    program = shutil.which(name)
    if program is None:
        (pytest.fail if os.environ.get("REQUIRE") == "1" else pytest.skip)(f"{name} is not installed")

    def run(*arguments: str | Path, data: bytes = b"") -> str:
        """The program's standard output; a failure of the program fails the test with what it said."""
        done = subprocess.run(
            [program, *map(str, arguments)], input=data, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout.decode()

    return run


@pytest.fixture
def openssl() -> Run:
    return _runner("openssl")


@pytest.fixture
def keytool() -> Run:
    return _runner("keytool")
