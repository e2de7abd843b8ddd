"""kill -9 at every point of a delivery: it is made again by a later sweep, and the log says that the key went out."""

from __future__ import annotations

import pytest

from tests.faults.case import Case
from tests.faults.names import NAMES, place
from tests.faults.test_verbs import Furnished, furnished, room  # noqa: F401  fixtures

PLACES = (
    "destination.look",
    "key.deliver",
    "custody.reveal",
    "destination.upload",
    "destination.confirm",
    "deployment.succeed",
)
AFTER_LEASE = 1200.0
POINTS = [name for name in NAMES if place(name) in PLACES]


def rows(case: Case) -> list[tuple[str, int]]:
    """State and failures of the delivery that was begun here."""
    database = case.open()
    [row] = database.rows("certificates_deployment")[2:]
    database.close()
    return [(row["state"], row["failures"])]


def told(case: Case, event: str) -> int:
    database = case.open()
    found = sum(row["event"] == event for row in database.rows("core_auditentry"))
    database.close()
    return found


def besides_orders(case: Case) -> dict[str, list[str]]:
    """Everything but the orders: one of them is at a CA that each sweep asks again."""
    return {table: rows for table, rows in case.everything().items() if table != "certificates_order"}


@pytest.mark.parametrize("name", POINTS)
def test_killed_and_made_again(name: str, furnished: Furnished, room: Case) -> None:  # noqa: F811
    assert furnished.carry_out(room, "deployment.succeed", f"{name}=exit").killed
    if name != "deployment.succeed.after-commit":
        assert rows(room) == [("waiting", 0)]
        assert room.run("sweep").code == 0
        assert rows(room) == [("waiting", 0)], "the sweep took up what may still be at work"
    assert room.run("sweep", ahead=AFTER_LEASE).code == 0, furnished.worker.errors()
    assert rows(room) == [("done", 0)]
    assert told(room, "certificate.deployed") == 1
    assert told(room, "key.delivered") >= 1
    before = besides_orders(room)
    assert room.run("sweep", ahead=2 * AFTER_LEASE).code == 0
    assert besides_orders(room) == before
    assert room.findings(settled=False) == []


def test_two_sweeps_at_once(furnished: Furnished, room: Case) -> None:  # noqa: F811
    assert furnished.carry_out(room, "deployment.succeed", "key.deliver.before-commit=exit").killed
    both = [room.start("sweep", ahead=AFTER_LEASE, failpoints="destination.upload.after=sleep:0.5") for _ in range(2)]
    assert [room.worker.wait(one).code for one in both] == [0, 0]
    assert (rows(room), told(room, "certificate.deployed"), told(room, "key.delivered")) == ([("done", 0)], 1, 1)


def test_a_worker_that_slept_past_its_lease_writes_nothing(furnished: Furnished, room: Case) -> None:  # noqa: F811
    assert furnished.carry_out(room, "deployment.succeed", "key.deliver.before-commit=exit").killed
    sleeping = room.start("sweep", ahead=AFTER_LEASE, failpoints="destination.upload.after=sleep:2")
    for _ in range(100):
        if told(room, "key.delivered"):
            break
    assert room.run("sweep", ahead=2 * AFTER_LEASE).code == 0
    assert room.worker.wait(sleeping).code == 0
    assert (rows(room), told(room, "certificate.deployed")) == ([("done", 0)], 1)
