"""What became of everything that was asked for: done, lost or doubled; and what the checkers say of the whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pki.envelope import Keyring
from tests.chaos.furnish import Furnished
from tests.chaos.ground import Ground
from tests.chaos.load import Operation
from tests.faults import checker, outside
from tests.faults.checker import Database, Finding, Row
from tests.faults.outside import Sight

LOST_KINDS = {"lost", "missing", "untold"}
DOUBLED_KINDS = {"doubled", "surplus", "retold"}


@dataclass
class Verdict:
    """``lost`` and ``doubled`` are sentences; ``findings`` say what else does not fit together."""

    done: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.findings)

    def add(self, finding: Finding) -> None:
        kinds = ((LOST_KINDS, self.lost), (DOUBLED_KINDS, self.doubled))
        into = next((found for names, found in kinds if finding.kind in names), self.findings)
        into.append(str(finding))


class Facts:
    """What the database says about a name."""

    def __init__(self, database: Database) -> None:
        self.by_name: dict[str, list[Row]] = {}
        for row in database.rows("certificates_certificate"):
            self.by_name.setdefault(row["cn"], []).append(row)
        self.replaced = {row["to_certificate_id"] for row in database.rows("certificates_certificate_replaces")}
        self.events = Counter(
            (row["event"], row["target_id"])
            for row in database.rows("core_auditentry")
            if row["target_type"] == "certificates.certificate"
        )
        self.told = {
            (row["kind"], row["topic"]) for row in database.rows("notifications_notice") if row["sent_at"] is not None
        }


def judge(ground: Ground, given: Furnished, operations: Sequence[Operation], logs: Path) -> Verdict:
    """After everything has ended."""
    verdict, database = Verdict(), Database(ground.address)
    facts = Facts(database)
    for operation in operations:
        problems = list(_problems(operation, facts))
        happened = operation.is_answered or operation.name in facts.by_name
        verdict.done[operation.kind] += happened and not problems
        for way, sentence in problems:
            (verdict.lost if way == "lost" else verdict.doubled).append(
                f"{operation.kind} {operation.name}: {sentence}"
            )
    sight = Sight(
        issued={given.acme: ground.ca.issued()},
        targets=ground.targets,
        mails=[mail.message for mail in ground.mail.received],
        logs=sorted(logs.glob("*.log")),
        secrets=_secrets(ground, given),
    )
    for finding in (*checker.check(database, Keyring.parse(ground.keys)), *outside.look(database, sight)):
        verdict.add(finding)
    database.close()
    return verdict


def _problems(operation: Operation, facts: Facts) -> Iterator[tuple[str, str]]:
    """Each is lost or doubled, and a sentence. What nobody answered may also not have happened at all."""
    rows = facts.by_name.get(operation.name, [])
    if operation.kind in ("order", "acme", "import"):
        yield from _made(operation, rows)
    elif operation.kind == "renewal":
        yield from _renewed(rows, facts)
    else:
        yield from _revoked(rows, facts)
    if operation.kind == "import" and rows and not _is_told("certificate-expiring", rows[0], facts):
        yield "lost", "its owner was not told that it ends"


def _made(operation: Operation, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    if not rows and operation.is_answered:
        yield "lost", f"answered with {operation.status}, and there is no certificate"
    if len(rows) > 1:
        yield "doubled", f"certificates {[row['id'] for row in rows]}"
    answered = operation.answer.get("id") if operation.status == 200 else None
    if rows and answered is not None and answered != rows[0]["id"]:
        yield "lost", f"answered as {answered}, and it is {rows[0]['id']}"


def _renewed(rows: Sequence[Row], facts: Facts) -> Iterator[tuple[str, str]]:
    if len(rows) != 2:
        yield "lost" if len(rows) < 2 else "doubled", f"certificates {[row['id'] for row in rows]}"
        return
    old, new = sorted(rows, key=lambda row: row["id"])
    times = facts.events["certificate.retired", str(old["id"])]
    asked = facts.events["certificate.updated", str(old["id"])]  # who asks again has it retired again
    if old["id"] not in facts.replaced or not 1 <= times <= asked:
        yield "doubled" if times else "lost", f"its old certificate was retired {times} times, asked for {asked} times"
    if not _is_told("certificate-rotated", new, facts):
        yield "lost", "its owner was not told that it was rotated"


def _revoked(rows: Sequence[Row], facts: Facts) -> Iterator[tuple[str, str]]:
    for row in rows:
        times = facts.events["certificate.revoked", str(row["id"])]
        if row["status"] != "revoked" or not times:
            yield "lost", f"it is {row['status']}"
        elif times > 1:
            yield "doubled", f"revoked {times} times"


def _is_told(kind: str, row: Row, facts: Facts) -> bool:
    return (kind, f"certificates.certificate:{row['id']}") in facts.told


def _secrets(ground: Ground, given: Furnished) -> list[str]:
    """Some of those that passed through: keys as PEM, the key of keys, a token, and what opens a target."""
    private = ground.sftp.private().split("\n")[2]
    return ["PRIVATE KEY-----", ground.keys, given.token, private, ground.names.secret]


def summary(verdict: Verdict, **more: Any) -> str:
    """One JSON object on one line."""
    counts: Mapping[str, int] = dict(sorted(verdict.done.items()))
    said = {"done": sum(counts.values()), "lost": len(verdict.lost), "doubled": len(verdict.doubled), "by_kind": counts}
    return json.dumps({**said, "findings": len(verdict.findings), **more})
