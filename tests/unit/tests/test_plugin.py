"""What the suite relies on: a missing server is a counted skip, or a failure under REQUIRE=1; runs are tallied."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import packages, require

ROOT = Path(__file__).parents[3]
SUITE = """
import pytest

@pytest.mark.server("keytool")
def test_needs_a_server():
    pass

@pytest.mark.django_db
def test_uses_the_database():
    pass

def test_uses_nothing():
    pass

@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    assert False

def test_fails(request):
    assert not request.config.getoption("--maxfail")
"""
WORKERS = """
import os, pathlib, pytest

pytestmark = pytest.mark.slow

@pytest.mark.parametrize("number", range(12))
def test_writes_down_its_worker(number):
    with pathlib.Path("workers").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""

ROWS = """
import pytest
from tests.daily import samples

@pytest.mark.parametrize("number", samples(range(7), every=3))
def test_row(number):
    pass

@pytest.mark.thorough
def test_long():
    pass
"""


def run(place: Path, *arguments: str, **environment: str) -> str:
    """Pytest's output over the little suite, with an empty PATH: no program is found."""
    (place / "test_suite.py").write_text(SUITE)
    (place / "pytest.ini").write_text("[pytest]\nmarkers =\n  server\n  django_db\n  thorough\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.plugin",
            "-p",
            "no:django",
            "-p",
            "no:cacheprovider",
            *arguments,
            place,
        ],
        env={"PYTHONPATH": str(ROOT), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def test_a_missing_server_is_a_skip_with_the_reason_counted(tmp_path: Path) -> None:
    output = run(tmp_path)
    assert "1 x keytool (apt-get install default-jre-headless)" in output
    assert "3 passed, 1 skipped, 1 xfailed" in output


def test_under_require_it_is_a_failure(tmp_path: Path) -> None:
    output = run(tmp_path, REQUIRE="1")
    assert "missing server: keytool (apt-get install default-jre-headless); REQUIRE=1 makes this a failure" in output
    assert "3 passed, 1 xfailed, 1 error" in output


def test_only_what_uses_the_database_is_kept(tmp_path: Path) -> None:
    assert "1 passed, 4 deselected" in run(tmp_path, "--database-only")


@pytest.mark.parametrize(("daily", "passed"), [("1", "3 passed"), ("", "8 passed")])
def test_the_daily_run_takes_samples_of_long_rows(tmp_path: Path, daily: str, passed: str) -> None:
    (tmp_path / "test_rows.py").write_text(ROWS)
    assert passed in run(tmp_path, "-k", "row or long", TEST_DAILY=daily)


def test_runs_are_tallied_one_line_each(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    for arguments in ((), ("--maxfail=9",), ("-p", "xdist.plugin", "-n", "2")):
        run(tmp_path, *arguments, TEST_TALLY=str(tally))
    assert tally.read_text() == "4 0 1\n3 1 1\n4 0 1\n"


def test_a_program_that_is_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "keytool"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require("keytool") == str(program)
    assert packages()["keytool"] == "default-jre-headless"


def test_an_unlisted_program_is_a_failure() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"frobnicate is not listed in tests/apt-packages\.txt"):
        require("frobnicate")


@pytest.mark.parametrize(("folder", "workers"), [("tests/ui", 1), ("tests/plugins/dns", 2), ("tests/unit", 2)])
def test_what_shares_a_product_is_run_by_one_worker(tmp_path: Path, folder: str, workers: int) -> None:
    (tmp_path / folder).mkdir(parents=True)
    for name in ("test_workers.py", "test_workers_too.py"):
        (tmp_path / folder / name).write_text(WORKERS)
    run(tmp_path, "-p", "xdist.plugin", "-n", "2", "--dist", "loadgroup", "-k", "worker")
    assert len(set((tmp_path / "workers").read_text().split())) == workers
