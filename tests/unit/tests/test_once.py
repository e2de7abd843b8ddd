"""What the workers of a run share is made by one of them, and whole before another one sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.once import FOLDER, begin_run, end_run, once

ROOT = Path(__file__).parents[3]
WORKER = """
import time
from tests.once import once
def make(place):
    time.sleep(0.2)
    (place / "made").write_text("whole")
    print("made")
assert (once("thing", make) / "made").read_text() == "whole"
"""


class Halfway(Exception):
    """Something went wrong."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_one_of_several_processes_makes_it(run: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(said) == ["", "", "made\n"]


def test_what_failed_is_begun_anew(run: Path) -> None:
    def fail(place: Path) -> None:
        (place / "half").touch()
        raise Halfway

    with pytest.raises(Halfway):
        once("thing", fail)
    assert list(once("thing", lambda place: (place / "whole").touch()).iterdir()) == [run / "thing" / "whole"]


def test_only_the_first_process_of_a_run_takes_it_away(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert begin_run() is None
    end_run(None)
    assert run.exists()
    monkeypatch.delenv(FOLDER)
    own = begin_run()
    assert own is not None
    end_run(own)
    assert not Path(own).exists()
