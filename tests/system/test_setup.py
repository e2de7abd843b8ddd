"""bin/setup.sh: a checkout's .venv is made once, from a lock file with hashes, and then left alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.system.installation import ROOT

SCRIPT = """
root=$PWD
. "$root/bin/setup.sh"
install_lock "$@"
"$python" -c "import tiny; print(tiny.VERSION)"
"""
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: {0}\n",
    "WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
}


class Checkout:
    """A checkout whose lock file names one tiny package, which lies on this disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "bin" / "setup.sh", root / "bin")

    def lock(self, name: str, version: str, *, digest: str = "") -> None:
        wheel = self.root / f"tiny-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny.py", f"VERSION = {version!r}\n")
            for file, text in METADATA.items():
                archive.writestr(f"tiny-{version}.dist-info/{file}", text.format(version))
            archive.writestr(f"tiny-{version}.dist-info/RECORD", "")
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.root / name).write_text(f"tiny @ {wheel.as_uri()} --hash=sha256:{digest}\n")

    def set_up(self, *locks: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-eu", "-c", SCRIPT, "sh", *locks],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def stamps(self) -> set[str]:
        return {path.name for path in (self.root / ".venv").glob("*.lock")}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "a checkout")  # a space in the path must not matter
    made.lock("requirements.lock", "1.0")
    return made


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("made") / "a checkout")
    made.lock("requirements.lock", "1.0")
    assert made.set_up("requirements.lock").returncode == 0
    return made


@pytest.fixture
def installed(made_once: Checkout, tmp_path: Path) -> Checkout:
    """A copy of one whose .venv is made."""
    shutil.copytree(made_once.root, tmp_path / "a checkout", symlinks=True)
    return Checkout(tmp_path / "a checkout")


def test_the_first_start_installs_and_the_second_does_nothing(checkout: Checkout) -> None:
    first = checkout.set_up("requirements.lock")
    assert (first.returncode, first.stdout) == (0, "1.0\n"), first.stderr
    assert "Installing requirements.lock" in first.stderr
    shutil.rmtree(next((checkout.root / ".venv" / "lib").glob("python*/site-packages/pip"), checkout.root / "no pip"))
    second = checkout.set_up("requirements.lock", PATH="/usr/bin:/bin")
    assert (second.returncode, second.stdout, second.stderr) == (0, "1.0\n", "")


def test_a_changed_lock_is_installed(installed: Checkout) -> None:
    installed.lock("requirements.lock", "2.0")
    assert installed.set_up("requirements.lock").stdout == "2.0\n"


def test_the_larger_lock_counts_as_both(installed: Checkout) -> None:
    installed.lock("requirements-dev.lock", "1.0")
    installed.set_up("requirements.lock", "requirements-dev.lock")
    assert installed.stamps == {"requirements.lock", "requirements-dev.lock"}
    assert installed.set_up("requirements.lock").stderr == ""


def test_a_wrong_hash_is_refused_and_not_taken_for_installed(installed: Checkout) -> None:
    installed.lock("requirements.lock", "1.0", digest="0" * 64)
    done = installed.set_up("requirements.lock")
    assert done.returncode != 0
    assert "Installing requirements.lock failed" in done.stderr
    assert installed.stamps == set()


def test_a_broken_environment_is_made_anew(installed: Checkout) -> None:
    python = installed.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python")
    assert installed.set_up("requirements.lock").stdout == "1.0\n"


def test_too_old_a_python_is_named_in_one_line(checkout: Checkout) -> None:
    old = checkout.root / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (checkout.root / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    (checkout.root / "apt-get").chmod(0o755)
    done = checkout.set_up("requirements.lock", PYTHON="python3", PATH=f"{checkout.root}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Lemur needs Python 3.11 or newer: install it, then run this again."
    assert not (checkout.root / ".venv").exists()
