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
DISTRIBUTIONS_PYTHON = "/usr/bin/python3"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: {0}\nVersion: {1}\n",
    "WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
}
UV = """#!/bin/sh
for last; do :; done
[ "$1" = venv ] && exec /usr/bin/env python3 -m venv "$last"
echo "$*" >>"$HOME/asked"
exit 1
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Checkout:
    """A checkout whose lock file names one tiny package, which lies on this disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "bin" / "setup.sh", root / "bin")

    def lock(self, name: str, version: str, *, digest: str = "") -> None:
        wheel = self.wheel("tiny", version, {"tiny.py": f"VERSION = {version!r}\n"})
        (self.root / name).write_text(f"tiny @ {wheel.as_uri()} --hash=sha256:{digest or sha256(wheel)}\n")

    def wheel(self, name: str, version: str, files: dict[str, str]) -> Path:
        wheel = self.root / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for file, text in files.items():
                entry = zipfile.ZipInfo(file)
                entry.external_attr = 0o100755 << 16  # a script may be run
                archive.writestr(entry, text)
            for file, text in METADATA.items():
                archive.writestr(f"{name}-{version}.dist-info/{file}", text.format(name, version))
            archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
        return wheel

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


def test_uv_is_asked_first_and_where_it_fails_pip_goes(checkout: Checkout) -> None:
    checkout.program("uv", UV.partition("\n")[2])
    done = checkout.set_up("requirements.lock", PATH=f"{checkout.root}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr
    [asked] = (checkout.root / "asked").read_text().splitlines()
    assert asked.startswith("pip install ")
    assert "--require-hashes" in asked


def test_the_uv_of_the_lock_is_installed_before_the_rest_with_its_hash(checkout: Checkout) -> None:
    wheel = checkout.wheel("uv", "1.0", {"uv-1.0.data/scripts/uv": UV})
    with (checkout.root / "requirements.lock").open("a") as lock:
        lock.write(f"uv==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{sha256(wheel)}\n    # a comment\n")
    links = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.rename(checkout.root.parent / wheel.name).parent)}
    done = checkout.set_up("requirements.lock", PATH="/usr/bin:/bin", **links)
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr
    assert (checkout.root / "asked").read_text().startswith("pip install ")


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
    assert checkout.found_python() == (DISTRIBUTIONS_PYTHON if serves(DISTRIBUTIONS_PYTHON) else str(first))
    assert checkout.found_python(PYTHON="python3") == str(first)


def serves(python: str) -> bool:
    question = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    return (
        Path(python).exists()
        and subprocess.run([python, "-c", question], capture_output=True, check=False).returncode == 0
    )
