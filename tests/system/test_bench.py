"""The benchmark runs from end to end and says on its last line what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lemur_site.schedule import PERIODS

ROOT = Path(__file__).parent.parent.parent
READS = {"list", "list_deep", "search", "search_wide", "detail", "stats", "overview"}
RATES = {"per_s", "p50_ms", "p95_ms"}


@pytest.mark.slow
def test_the_last_line_is_the_promised_object():
    command = [sys.executable, "-m", "tests.bench", "--rows", "2000", "--seconds", "0.1", "--sweeps"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {
        "rows", "calibration", "issue", "read", "read_user", "rss_mb", "sweeps", "revocation", "rotation"
    }  # fmt: skip
    assert found["rows"] == 2000
    assert set(found["calibration"]) == {
        "p256_cert_per_s",
        "rsa2048_keygen_per_s",
        "select1_per_s",
        "python_text_per_s",
        "cores",
    }
    assert {name: set(rates) for name, rates in found["issue"].items()} == dict.fromkeys(
        ("p256_c1", "p256_c4", "rsa2048_c1", "rsa2048_c4"), RATES
    )
    assert set(found["read"]) == set(found["read_user"]) == READS
    assert all(rate["per_s"] > 0 for rate in found["issue"].values())
    for reads in (found["read"], found["read_user"]):
        assert reads["list"]["sql"] <= 8
        assert reads["detail"]["sql"] <= 12
    assert set(found["sweeps"]) == {*PERIODS, "notify_select", "reissue_select"}
    assert all(found["sweeps"][name]["busy"]["due"] for name in PERIODS)
    assert found["revocation"]["per_s"] > 0
    assert found["rotation"]["per_s"] > 0
