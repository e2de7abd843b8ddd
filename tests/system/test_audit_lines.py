"""Each entry of the audit log is also one line of JSON on standard error, whatever LOG_LEVEL is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.installation import Installation


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation.prepared(tmp_path_factory.mktemp("audit") / "home")


def lines(stderr: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return [line for line in found if line["logger"] == "audit"]


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_a_command_writes_its_entries(place: Installation, level: str) -> None:
    done = place.manage("apikey", "admin", "--name", f"for {level}", LOG_LEVEL=level)
    assert done.returncode == 0, done.stderr
    [line] = lines(done.stderr)
    assert line["event"] == "apikey.created"
    assert line["actor"] == "system"
    assert line["target"].startswith("accounts.apikey:")
    assert line["name"] == f"for {level} of admin"
    assert line["details"] == {"scope": "full"}
    assert line["id"] > 0
    assert line["at"].endswith("+00:00")
    token = done.stdout.strip()
    assert token
    assert token not in done.stderr


def test_every_line_of_the_log_is_json(place: Installation) -> None:
    done = place.manage("apikey", "admin", "--name", 'a "quoted"\u2028name', "--days", "-5")
    assert (done.returncode, lines(done.stderr)) == (1, [])


def test_what_is_rolled_back_is_not_told(place: Installation, tmp_path: Path) -> None:
    script = (
        "from django.db import transaction; from accounts import service; from accounts.models import User\n"
        "try:\n"
        "    with transaction.atomic():\n"
        "        service.create_role('never'); raise RuntimeError\n"
        "except RuntimeError: service.create_role('once')"
    )
    done = place.manage("shell", "-v0", "-c", script)
    assert done.returncode == 0, done.stderr
    assert [line["name"] for line in lines(done.stderr)] == ["once"]
