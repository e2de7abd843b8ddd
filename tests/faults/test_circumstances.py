"""What goes wrong around the product: messages twice and late, clocks, full disks, a log that takes nothing, all at once."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from lemur_site.celery import app
from lemur_site.schedule import PERIODS
from tests.faults.case import Case
from tests.faults.checker import Row
from tests.faults.test_failpoints import AFTER_LEASE, ORDER, Client, made, order_row
from tests.faults.test_verbs import Furnished, furnished, room  # noqa: F401  fixtures

HOUR = 3600.0
DAY, YEAR = 24 * HOUR, 365 * 24 * HOUR
# Each message that asks for work, and the table of what its id is of; the others only look.
MESSAGES = {
    "certificates.ask_for_window": "certificates_suggestion",
    "certificates.carry_out": "certificates_revocation",
    "certificates.carry_out_batch": "certificates_batch",
    "certificates.deploy": "certificates_deployment",
    "certificates.fulfil": "certificates_order",
    "lifecycle.reissue": "certificates_certificate",
    "lifecycle.rotate_endpoint": "lifecycle_endpointrotation",
    "lifecycle.sync": "lifecycle_sync",
    "stores.scan": "stores_scan",
}
TELL, ONLY_LOOK = "notifications.tell", {"lifecycle.check_endpoint", "lifecycle.check_status"}
TIMES = 10
ON_SQLITE = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the disk is that of the database server")


def test_every_message_has_its_table() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours - PERIODS.keys() == {*MESSAGES, *ONLY_LOOK, TELL}


def rows(case: Case, table: str) -> list[Row]:
    database = case.open()
    found = database.rows(table)
    database.close()
    return found


def done(case: Case, table: str) -> list[Row]:
    """What is still open may be taken up."""
    return [row for row in rows(case, table) if row.get("state", "done") == "done"]


def test_messages_twice_and_late_change_nothing(room: Case) -> None:  # noqa: F811
    """Each ten times, out of order, hours after everything they ask for was done; and some about what is gone."""
    for hours in (1, 2, 3):
        assert room.run("timetable", ahead=hours * HOUR).code == 0, room.worker.errors()
    sent: list[tuple[str, list[Any]]] = [
        (name, [row["id"]]) for name, table in MESSAGES.items() for row in done(room, table) for _ in range(TIMES)
    ]
    sent += [(name, [1_000_000]) for name in MESSAGES] + [(TELL, ["nobody@example.org", "email-notification"])]
    random.Random(7).shuffle(sent)  # noqa: S311  any order
    before = room.everything()
    assert room.run("messages", sent=sent, ahead=3 * HOUR).code == 0, room.worker.errors()
    assert room.everything() == before


@pytest.mark.parametrize("ahead", [DAY, YEAR], ids=["a day", "a year"])
def test_a_clock_that_was_ahead(ahead: float, case: Case) -> None:
    """Nothing is issued in masses; what a dead worker had claimed then is taken up now, and the revocation list is of now."""
    client = Client(case, "order", {})
    assert client.ask(failpoints="order.after-commit=exit", ahead=ahead).killed
    assert case.run("timetable", ahead=ahead).code == 0, case.worker.errors()
    assert made(case) == (0, 0)
    assert case.run("timetable").code == 0, case.worker.errors()
    assert (order_row(case)["state"], made(case)) == ("done", (0, 1))
    newest = max(rows(case, "authorities_crl"), key=lambda one: one["number"])
    crl = x509.load_der_x509_crl(bytes(newest["der"]))
    now = datetime.now(UTC)
    assert now - timedelta(days=4) < crl.last_update_utc <= now
    assert case.findings() == []


@ON_SQLITE
@pytest.mark.parametrize("what", ["disk", "files"])
def test_no_room(what: str, case: Case) -> None:
    """Refused, and nothing of it is there; once there is room again, the same request is answered."""
    client, before = Client(case, "order", {}, key="once"), case.everything()
    refused = client.ask(short_of=what)
    assert refused.code or refused.status >= 500
    assert case.everything() == before
    assert client.ask(ahead=AFTER_LEASE).status == 200
    assert (made(case), case.findings()) == ((0, 1), [])


@contextmanager
def silenced(case: Case) -> Iterator[None]:
    """The audit log takes no line."""
    database = case.open()
    breaks, mends = (
        (
            "CREATE TRIGGER broken BEFORE INSERT ON core_auditentry BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER broken",
        )
        if database.is_sqlite
        else (
            "ALTER TABLE core_auditentry ADD CONSTRAINT broken CHECK (false) NOT VALID",
            "ALTER TABLE core_auditentry DROP CONSTRAINT broken",
        )
    )
    try:
        database.connection.cursor().execute(breaks)
        database.connection.commit()
        yield
    finally:
        database.connection.cursor().execute(mends)
        database.connection.commit()
        database.close()


def work(case: Case) -> dict[str, list[str]]:
    """All but when somebody came last."""
    return {table: rows for table, rows in case.everything().items() if table != "accounts_apikey"}


def test_what_cannot_be_written_into_the_log_does_not_happen(case: Case) -> None:
    before = work(case)
    with silenced(case):
        assert Client(case, "order", {}).ask().status == 500
        assert work(case) == before
    assert Client(case, "order", {}).ask().status == 200


def test_everything_at_once_with_one_certificate(furnished: Furnished, room: Case) -> None:  # noqa: F811
    """Revoked, renewed, handed over and muted by ten processes: each says yes or no, and all of it fits together.

    Each request is sent twice, with one Idempotency-Key.
    """
    leaf, token = f"/api/1/certificates/{furnished.ids['leaf']}", room.worker.tokens["root"]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("put", f"{leaf}/revoke", {"crlReason": "superseded"}),
        ("post", f"{leaf}/reissue", {"replace": True}),
        ("post", f"{leaf}/update/owner", {"owner": "bob@example.org"}),
        ("post", f"{leaf}/update/switches", {"notify": False}),
        ("post", "/api/1/certificates", ORDER),
    ]
    running = [
        room.start("ask", method=method, address=address, body=body, token=token, key=address)
        for _ in range(2)
        for method, address, body in asked
    ]
    answers = [room.worker.wait(one).result for one in running]
    assert {answer["status"] for answer in answers} <= {200, 400, 403, 409, 412}, answers
    revocations = [
        one for one in rows(room, "certificates_revocation") if one["certificate_id"] == furnished.ids["leaf"]
    ]
    assert [one["state"] for one in revocations] == ["done"]
    links = rows(room, "certificates_certificate_replaces")
    assert len([row for row in links if row["to_certificate_id"] == furnished.ids["leaf"]]) <= 1
    assert room.findings(settled=False) == []
