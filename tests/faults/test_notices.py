"""kill -9 at every point of telling people that certificates end: all is told, and each thing in one message only."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.case import Case
from tests.faults.names import NAMES, place
from tests.faults.test_verbs import furnished, room  # noqa: F401  fixtures
from tests.faults.verbs import HOST

PLACES = ("notice.raise", "notice.release", "notifier.send", "notice.sent")
POINTS = [name for name in NAMES if place(name) in PLACES]
DAY, AFTER_LEASE = 86_400.0, 1200.0


@pytest.fixture
def soon(room: Case) -> float:  # noqa: F811
    """How many seconds ahead the clock must be for Alice's certificate to have nine days left."""
    database = room.open()
    [row] = [one for one in database.rows("certificates_certificate") if one["cn"] == HOST]
    database.close()
    ends = datetime.fromisoformat(str(row["not_after"]))
    left = ends.replace(tzinfo=ends.tzinfo or UTC) - datetime.now(UTC)
    return left.total_seconds() - 9 * DAY


def notices(case: Case) -> list[dict[str, Any]]:
    database = case.open()
    rows = database.rows("notifications_notice")
    database.close()
    return rows


def mails(sink: Path) -> dict[str, list[str]]:
    """The ids of all mails, by recipient."""
    found = defaultdict(list)
    for line in sink.read_text().splitlines() if sink.exists() else ():
        message, to = line.split()
        found[to].append(message)
    return dict(found)


def settled(case: Case, sink: Path) -> None:
    """Is each notice told, and is there exactly one message for it?"""
    rows = notices(case)
    assert rows
    assert {row["state"] for row in rows} == {"done"}
    for row in rows:
        if row["sent_at"] is not None:
            assert set(mails(sink)[row["recipient"]]) == {f"notices.{_uuid(row['batch'])}"}
    assert len({row["dedupe"] for row in rows}) == len(rows)


def _uuid(value: object) -> str:
    """SQLite keeps it without its hyphens."""
    text = str(value).replace("-", "")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@pytest.mark.parametrize("action", ["exit", "raise"])
@pytest.mark.parametrize("name", POINTS)
def test_killed_and_told_all_the_same(name: str, action: str, room: Case, soon: float, tmp_path: Path) -> None:  # noqa: F811
    sink = tmp_path / "mails"
    died = room.run("notify", sink=str(sink), ahead=soon, failpoints=f"{name}={action}")
    assert died.killed if action == "exit" else True
    for later in (1, 2, 3):
        done = room.run("notify", sink=str(sink), ahead=soon + later * AFTER_LEASE)
        assert done.code == 0, room.worker.errors()
    settled(room, sink)
    before = room.everything()
    assert room.run("notify", sink=str(sink), ahead=soon + 4 * AFTER_LEASE).code == 0
    assert room.everything() == before


def test_two_at_once(room: Case, soon: float, tmp_path: Path) -> None:  # noqa: F811
    sink = tmp_path / "mails"
    both = [
        room.start("notify", sink=str(sink), ahead=soon, failpoints="notice.raise.after-commit=sleep:0.3")
        for _ in range(2)
    ]
    assert [room.worker.wait(one).code for one in both] == [0, 0], room.worker.errors()
    assert room.run("notify", sink=str(sink), ahead=soon + AFTER_LEASE).code == 0
    settled(room, sink)
    assert [len(ids) for ids in mails(sink).values()] == [1] * len(mails(sink))
