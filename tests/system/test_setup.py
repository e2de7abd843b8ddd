"""bin/setup.sh: a checkout's .venv is made once, from a lock file with hashes, and then left alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
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
WITHOUT_VENV = f'case $2 in *ensurepip*) exit 1 ;; esac; exec "{sys.executable}" "$@"'
DISTRIBUTIONS = "/usr/bin/python3"
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

    def program(self, name: str, script: str) -> Path:
        """One that a path with this checkout in front finds first."""
        path = self.root / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def path_without_apt(self) -> str:
        self.program("apt-get", "exit 1")
        return f"{self.root}:{os.environ['PATH']}"

    def found_python(self, **environment: str) -> str:
        path = f"{self.root}:{os.environ['PATH']}"
        return self.run('root=$PWD; . "$root/bin/setup.sh"; find_python', PATH=path, **environment).stdout.strip()

    def set_up(self, *locks: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(SCRIPT, *locks, **environment)

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-eu", "-c", script, "sh", *arguments],
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
    checkout.program("python3", "exit 1")
    done = checkout.set_up("requirements.lock", PYTHON="python3", PATH=checkout.path_without_apt())
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Lemur needs Python 3.11 or newer: install it, then run this again."
    assert not (checkout.root / ".venv").exists()


def test_a_python_without_venv_is_named_in_one_line(checkout: Checkout) -> None:
    checkout.program("lame", WITHOUT_VENV)
    done = checkout.set_up("requirements.lock", PYTHON="lame", PATH=checkout.path_without_apt())
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Python's venv module is missing: install it (on Debian: ")
    assert not (checkout.root / ".venv").exists()


def test_a_python_without_venv_is_passed_over(checkout: Checkout) -> None:
    checkout.program("lame", WITHOUT_VENV)
    whole = checkout.program("whole", f'exec "{sys.executable}" "$@"')
    assert checkout.found_python(PYTHON="lame whole") == str(whole)


def test_the_distributions_python_goes_before_the_paths(checkout: Checkout) -> None:
    first = checkout.program("python3", f'exec "{sys.executable}" "$@"')
    assert checkout.found_python() == (DISTRIBUTIONS if serves(DISTRIBUTIONS) else str(first))
    assert checkout.found_python(PYTHON="python3") == str(first)


def serves(python: str) -> bool:
    question = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    return (
        Path(python).exists()
        and subprocess.run([python, "-c", question], capture_output=True, check=False).returncode == 0
    )
