"""kill -9 and an unforeseen error while a certificate of our own authority is revoked: the sweeps bring it to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509

from tests.faults.case import Case, Worker

AFTER_LEASE = 200.0
AFTER_SWEEP = 1200.0
PASSED = ("revocation", "certificate.revoke", "crl.publish")
AT = [f"{name}.{at}" for name in PASSED for at in ("before-commit", "after-commit")]
NOTHING_YET = "revocation.before-commit"


@pytest.fixture(scope="module")
def furnished(worker: Worker) -> Iterator[tuple[dict[str, int], str]]:
    case = Case(worker)
    ids = case.run("furnish").result
    yield ids, case.keep()
    case.close()


@pytest.fixture
def room(worker: Worker, furnished: tuple[dict[str, int], str]) -> Iterator[Case]:
    one = Case(worker, furnished[1])
    yield one
    one.close()


def revoke(case: Case, ids: dict[str, int], failpoints: str = "", ahead: float = 0) -> Any:
    address = f"/api/1/certificates/{ids['leaf']}/revoke"
    body = {"crlReason": "keyCompromise"}
    token = case.worker.tokens["alice"]
    return case.run("ask", failpoints=failpoints, ahead=ahead, method="put", address=address, body=body, token=token)


def is_revoked(case: Case, ids: dict[str, int]) -> tuple[bool, bool, bool]:
    """By the certificate's row, by the ledger, by the newest list."""
    database = case.open()
    [row] = [one for one in database.rows("certificates_certificate") if one["id"] == ids["leaf"]]
    [line] = [one for one in database.rows("authorities_issuance") if one["serial"] == row["serial"]]
    lists = [one for one in database.rows("authorities_crl") if one["authority_id"] == ids["root"]]
    database.close()
    newest = x509.load_der_x509_crl(bytes(max(lists, key=lambda one: one["number"])["der"]))
    listed = newest.get_revoked_certificate_by_serial_number(int(row["serial"])) is not None
    return row["status"] == "revoked", line["revoked_at"] is not None, listed


@pytest.mark.parametrize("action", ["exit", "raise"])
@pytest.mark.parametrize("name", AT)
def test_disturbed(name: str, action: str, room: Case, furnished: tuple[dict[str, int], str]) -> None:
    ids, _ = furnished
    outcome = revoke(room, ids, f"{name}={action}")
    assert outcome.killed if action == "exit" else outcome.status == 500
    row, ledger, _ = is_revoked(room, ids)
    assert row == ledger, "both or neither"
    assert room.run("sweep revoked", ahead=AFTER_LEASE).code == 0
    expected = name != NOTHING_YET
    assert is_revoked(room, ids) == (expected, expected, expected)
    assert room.findings(settled=False) == []
    before = room.everything()
    assert room.run("sweep revoked", ahead=2 * AFTER_LEASE).code == 0
    assert room.everything() == before, "a second sweep changes nothing"
    assert revoke(room, ids, ahead=3 * AFTER_LEASE).status == 200
    assert is_revoked(room, ids) == (True, True, True)


def test_two_sweeps_at_once(room: Case, furnished: tuple[dict[str, int], str]) -> None:
    ids, _ = furnished
    assert revoke(room, ids, "revocation.after-commit=exit").killed
    both = [
        room.start("sweep revoked", ahead=AFTER_LEASE, failpoints="crl.publish.before-commit=sleep:0.3")
        for _ in range(2)
    ]
    assert [room.worker.wait(one).code for one in both] == [0, 0]
    assert is_revoked(room, ids) == (True, True, True)
    database = room.open()
    numbers = [row["number"] for row in database.rows("authorities_crl") if row["authority_id"] == ids["root"]]
    database.close()
    assert len(numbers) == len(set(numbers))


LEAVING = [
    f"{name}.{at}"
    for name, ends in (
        ("certificate.revoke", ("after-commit",)),
        ("crl.publish", ("before-commit", "after-commit")),
        ("destination.remove", ("before", "after")),
        ("deployment.remove", ("before-commit", "after-commit")),
    )
    for at in ends
]


@pytest.mark.parametrize("name", LEAVING)
def test_killed_while_it_leaves_its_destinations(name: str, room: Case, furnished: tuple[dict[str, int], str]) -> None:
    """The revocation stands, and a later sweep takes the certificate away from wherever it still is."""
    ids, _ = furnished
    assert revoke(room, ids, f"{name}=exit").killed
    assert is_revoked(room, ids)[:2] == (True, True)
    for _ in range(2):
        assert room.run("sweep revoked", ahead=AFTER_LEASE).code == 0
        assert room.run("sweep", ahead=AFTER_SWEEP).code == 0
    database = room.open()
    left = [row for row in database.rows("certificates_deployment") if row["certificate_id"] == ids["leaf"]]
    told = [row for row in database.rows("core_auditentry") if row["event"] == "certificate.withdrawn"]
    database.close()
    assert (left, len(told)) == ([], 2)
    assert room.findings(settled=False) == []
