"""The benchmark runs from end to end and says on its last line what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lemur_site.schedule import PERIODS

ROOT = Path(__file__).parent.parent.parent
READS = {"list", "list_deep", "search", "search_wide", "detail", "stats", "overview"}
MOST = 12  # statements of a page
MORE = {"certificate": 13}  # where a process asks for the first time in ten seconds whether there is a demo
RATES = {"per_s", "p50_ms", "p95_ms"}


def found(*options: str) -> dict[str, Any]:
    """What the last line says."""
    command = [sys.executable, "-m", "tests.bench", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_the_last_line_is_the_promised_object():
    said = found("--rows", "200", "--seconds", "0.1")

    assert set(said) == {
        "rows", "calibration", "issue", "read", "read_user", "pages", "pages_user", "rss_mb", "sweeps", "revocation", "rotation"
    }  # fmt: skip
    assert said["rows"] == 200
    assert set(said["calibration"]) == {
        "p256_cert_per_s",
        "rsa2048_keygen_per_s",
        "rsa2048_keygen_all_per_s",
        "select1_per_s",
        "python_text_per_s",
        "cores",
    }
    assert {name: set(rates) for name, rates in said["issue"].items()} == dict.fromkeys(
        ("p256_c1", "p256_c4", "rsa2048_c1", "rsa2048_c4"), RATES
    )
    assert set(said["read"]) == set(said["read_user"]) == READS
    assert all(rate["per_s"] > 0 for rate in said["issue"].values())
    for reads in (said["read"], said["read_user"]):
        assert reads["list"]["sql"] <= 8
        assert reads["detail"]["sql"] <= 12
    asked_for = ("pages", "pages_user", "sweeps", "revocation", "rotation")
    assert not any(said[name] for name in asked_for), "nobody asked for them"


@pytest.mark.slow
def test_pages_keep_to_their_statements():
    said = found("--rows", "200", "--seconds", "0.1", "--only", "pages")

    assert set(said["pages_user"]) < set(said["pages"])
    for read in (said["pages"], said["pages_user"]):
        assert {name: page["sql"] for name, page in read.items() if page["sql"] > MORE.get(name, MOST)} == {}


@pytest.mark.thorough
def test_on_sqlite_there_are_times_alone():
    said = found("--rows", "200", "--seconds", "0.1", "--embedded")

    assert all(rate["per_s"] > 0 for rate in said["issue"].values())
    assert {reads["sql"] for reads in (*said["read"].values(), *said["read_user"].values())} == {None}


@pytest.mark.thorough
def test_what_happens_by_itself_is_measured_on_demand():
    said = found("--rows", "2000", "--seconds", "0.1", "--only", "sweeps")

    assert set(said["sweeps"]) == {*PERIODS, "notify_select", "reissue_select"}
    assert all(said["sweeps"][name]["busy"]["due"] for name in PERIODS)
    assert said["revocation"]["per_s"] > 0
    assert said["rotation"]["per_s"] > 0
