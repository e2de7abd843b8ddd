"""`bin/chaos` runs from end to end for some seconds, and judges: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.system.installation import ROOT

pytestmark = [pytest.mark.thorough, pytest.mark.server("sshd", "pebble", "knotd")]


def test_a_moment_of_chaos() -> None:
    """With the queue in a folder; the other brokers have minutes of their own by hand."""
    command = [sys.executable, "-m", "tests.chaos", "--minutes", "0.2", "--seed", "5", "--broker", "filesystem"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["lost"], said["doubled"], said["findings"], said["unanswered"]) == (0, 0, 0, 0)
    assert said["done"] > 0
    assert sum(said["faults"].values()) > 0
