"""kill -9 and an unforeseen error just before and just after the commit of every verb: all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from tests.daily import samples
from tests.faults.case import Case, Outcome, Worker
from tests.faults.checker import KEYS, Row
from tests.faults.verbs import CALLS, VERBS, Ask

HOUR = 3600.0
BEFORE, AFTER = "before-commit", "after-commit"
AUDIT, ORDERS = "core_auditentry", "certificates_order"
CALLED = [(f"{call}.{at}", verb) for call, verbs in CALLS.items() for verb in verbs for at in ("before", "after")]

Tables = dict[str, dict[Any, Row]]  # by id


class Difference(NamedTuple):
    """What a process has done to the furnished database, without ids, times and keys, which always differ.

    ``rows``: how many each table has more. ``changed``: cells of rows that were there, or rows that are gone.
    """

    rows: dict[str, int]
    changed: set[tuple[str, Any, str]]
    events: list[str]
    orders: list[tuple[str, str | None, str]]


NOTHING = Difference({}, set(), [], [])


@dataclass
class Furnished:
    """The prepared database, and what each verb does to it when nothing disturbs it."""

    worker: Worker
    ids: dict[str, int]
    kept: str
    before: Tables
    done: dict[str, Difference] = field(default_factory=dict)

    def case(self) -> Case:
        return Case(self.worker, self.kept)

    def carry_out(self, case: Case, verb: str, failpoints: str = "") -> Outcome:
        ask = VERBS[verb].do
        if not isinstance(ask, Ask):
            return case.run("call", verb=verb, failpoints=failpoints)
        request = {"method": ask.method, "address": ask.address.format(**self.ids), "body": ask.body}
        return case.run("ask", failpoints=failpoints, token=self.worker.tokens.get(ask.who, ""), **request)

    def difference(self, case: Case) -> Difference:
        now = tables(case)
        new = {table: [row for pk, row in rows.items() if pk not in self.before[table]] for table, rows in now.items()}
        return Difference(
            {table: len(rows) for table, rows in new.items() if rows},
            set(changes(self.before, now)),
            [row["event"] for row in new[AUDIT]],
            [(row["state"], row["external_id"], row["last_error"]) for row in new[ORDERS]],
        )

    def undisturbed(self, verb: str) -> Difference:
        if verb not in self.done:
            case = self.case()
            outcome, ask = self.carry_out(case, verb), VERBS[verb].do
            assert outcome.code == 0, self.worker.errors()
            assert not isinstance(ask, Ask) or outcome.status == ask.status, outcome.result
            self.done[verb] = self.difference(case)
            case.close()
        return self.done[verb]


def tables(case: Case) -> Tables:
    database = case.open()
    found = {table: {row[KEYS.get(table, "id")]: row for row in database.rows(table)} for table in database.tables()}
    database.close()
    return found


def changes(before: Tables, now: Tables) -> Iterator[tuple[str, Any, str]]:
    for table, rows in before.items():
        for pk, row in rows.items():
            if pk not in now[table]:
                yield table, pk, "the row"
                continue
            yield from ((table, pk, column) for column, value in row.items() if now[table][pk][column] != value)


@pytest.fixture(scope="module")
def furnished(worker: Worker) -> Iterator[Furnished]:
    """The tokens were used an hour from now, so that no request writes down that it used one."""
    case = Case(worker)
    prepared = case.run("furnish")
    assert prepared.code == 0, worker.errors()
    for token in worker.tokens.values():
        assert case.run("ask", method="get", address="/api/1/auth/me", body=None, token=token, ahead=HOUR).status == 200
    yield Furnished(worker, prepared.result, case.keep(), tables(case))
    case.close()


@pytest.fixture
def room(furnished: Furnished) -> Iterator[Case]:
    """A copy of the furnished database."""
    one = furnished.case()
    yield one
    one.close()


def refused(outcome: Outcome, verb: str) -> None:
    """The API says nothing of what is inside; a process that called the service is over."""
    if not VERBS[verb].by_api:
        assert outcome.code == 1
        return
    body: dict[str, Any] = outcome.result["body"]
    assert (outcome.status, body["message"], set(body)) == (500, "Internal Server Error", {"message", "requestId"})


def examine(case: Case, furnished: Furnished, verb: str, at: str) -> None:
    """Is what is left all of the verb, or nothing of it?"""
    assert case.findings(settled=False) == []
    left = furnished.difference(case)
    if at == AFTER:
        assert left == furnished.undisturbed(verb)
    else:
        already = VERBS[verb].already
        assert (left.rows, left.changed) == (already, set())
        assert left.events == list(VERBS[verb].events[: already.get(AUDIT, 0)])


@pytest.mark.parametrize("verb", VERBS)
def test_undisturbed(verb: str, furnished: Furnished, room: Case) -> None:
    assert furnished.difference(room) == NOTHING
    assert furnished.undisturbed(verb).events == list(VERBS[verb].events)


@pytest.mark.parametrize("at", [BEFORE, AFTER])
@pytest.mark.parametrize("verb", VERBS)
def test_killed(verb: str, at: str, furnished: Furnished, room: Case) -> None:
    assert furnished.carry_out(room, verb, f"{verb}.{at}=exit").killed
    examine(room, furnished, verb, at)


@pytest.mark.parametrize("at", [BEFORE, AFTER])
@pytest.mark.parametrize("verb", samples(VERBS, every=4))
def test_unforeseen_error(verb: str, at: str, furnished: Furnished, room: Case) -> None:
    refused(furnished.carry_out(room, verb, f"{verb}.{at}=raise"), verb)
    examine(room, furnished, verb, at)


@pytest.mark.parametrize("action", ["exit", "raise"])
@pytest.mark.parametrize(("name", "verb"), CALLED)
def test_a_call_within_it(name: str, verb: str, action: str, furnished: Furnished, room: Case) -> None:
    outcome = furnished.carry_out(room, verb, f"{name}={action}")
    if action == "raise":
        refused(outcome, verb)
    assert outcome.killed == (action == "exit")
    left, already = furnished.difference(room), VERBS[verb].already
    if VERBS[verb].calls_afterwards:
        assert left == furnished.undisturbed(verb)
        return
    assert (left.rows, left.changed) == (already, set()), "more or less than what was committed before the call"
    assert left.events == list(VERBS[verb].events[: already.get(AUDIT, 0)])
