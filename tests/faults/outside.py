"""Compares the database with what is seen outside: the ledger of another CA, the targets' files, the mail sink, the logs.

As :mod:`tests.faults.checker`, it uses nothing of the product: SQL, and what files and mails say.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.faults.checker import DONE, OPEN, Database, Finding, Row

JOBS = (
    "certificates_deployment",
    "certificates_order",
    "certificates_revocation",
    "lifecycle_endpointrotation",
    "lifecycle_sync",
    "notifications_notice",
)
MOST_LISTED = 100  # of more than that, a mail names no more
URL = re.compile(r"^  (https?://\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Sight:
    """What is outside.

    ``issued``: the serial numbers that a CA elsewhere has used, by the id of its authority. ``targets``: the folders of
    destinations by their labels. ``secrets``: what must stand in no log and in no column.
    """

    issued: Mapping[int, Sequence[int]] = field(default_factory=dict)
    targets: Mapping[str, Path] = field(default_factory=dict)
    mails: Sequence[EmailMessage] = ()
    logs: Sequence[Path] = ()
    secrets: Sequence[str] = ()


class Scene:
    """One reading of both."""

    def __init__(self, database: Database, sight: Sight) -> None:
        self.database, self.sight = database, sight
        self.certificates = {row["id"]: row for row in database.rows("certificates_certificate")}
        self.deployments = database.rows("certificates_deployment")
        self.revocations = database.rows("certificates_revocation")
        self.destinations = {row["id"]: row["label"] for row in database.rows("stores_destination")}
        self.notices = database.rows("notifications_notice")
        self.audit = database.rows("core_auditentry")
        self.replaced: dict[int, list[int]] = defaultdict(list)  # the successors of each
        for row in database.rows("certificates_certificate_replaces"):
            self.replaced[row["to_certificate_id"]].append(row["from_certificate_id"])

    @cached_property
    def happened(self) -> dict[tuple[str, str], list[int]]:
        """The ids of audit entries, by event and certificate."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in self.audit:
            if row["target_type"] == "certificates.certificate":
                found[row["event"], row["target_id"]].append(row["id"])
        return found


def look(database: Database, sight: Sight) -> list[Finding]:
    """Everything that does not fit together."""
    scene = Scene(database, sight)
    return sorted({finding for examine in OUTSIDE.values() for finding in examine(scene)})


def missing(scene: Scene) -> Iterator[Finding]:
    """I1: a CA has issued it, and there is no row."""
    known = {(row["authority_id"], int(row["serial"])) for row in scene.certificates.values()}
    for authority, serials in scene.sight.issued.items():
        for serial in serials:
            if (authority, serial) not in known:
                yield Finding("missing", f"serial {serial} of authority {authority}", "it has no row")


def surplus(scene: Scene) -> Iterator[Finding]:
    """I2: more than one live successor."""
    for old, successors in scene.replaced.items():
        live = [pk for pk in successors if scene.certificates[pk]["status"] != "revoked"]
        if len(live) > 1:
            yield Finding("surplus", f"certificate {old}", f"it is replaced by {live}")


def early(scene: Scene) -> Iterator[Finding]:
    """I4: retired before its successor was at each of its destinations."""
    for old, successors in scene.replaced.items():
        for retired in scene.happened["certificate.retired", str(old)][:1]:
            arrived = [one for pk in successors for one in scene.happened["certificate.deployed", str(pk)]]
            wanted = [one for one in scene.deployments if one["certificate_id"] in successors]
            if len([one for one in arrived if one < retired]) < len(wanted):
                yield Finding("early", f"certificate {old}", "it was retired before its successor had arrived")


def misplaced(scene: Scene) -> Iterator[Finding]:
    """I4: a target does not hold what the row says, or still holds what was taken away."""
    wanted: dict[tuple[str, str], Row] = {}
    for one in scene.deployments:
        certificate, label = scene.certificates[one["certificate_id"]], scene.destinations[one["destination_id"]]
        if one["state"] == DONE and label in scene.sight.targets:
            before = wanted.get((label, certificate["cn"]))
            if before is None or before["id"] < certificate["id"]:
                wanted[label, certificate["cn"]] = certificate
    for (label, name), certificate in wanted.items():
        if _held(scene.sight.targets[label] / name) != certificate["fingerprint"]:
            yield Finding("misplaced", f"{label}/{name}", f"it does not hold certificate {certificate['id']}")
    for label, place in scene.sight.targets.items():
        for folder in place.iterdir():
            if (label, folder.name) not in wanted and _held(folder) is not None:
                yield Finding("misplaced", f"{label}/{folder.name}", "nothing is delivered there")


def torn(scene: Scene) -> Iterator[Finding]:
    """I5: a pair that does not belong together, is not whole, or whose key others may read."""
    for label, place in scene.sight.targets.items():
        for folder in place.iterdir():
            if problem := _wrong_in(folder):
                yield Finding("torn", f"{label}/{folder.name}", problem)


def untold(scene: Scene) -> Iterator[Finding]:
    """I6, at least once: it is written down as told, and no mail says so."""
    told = {_id(mail): mail for mail in scene.sight.mails}
    for row in scene.notices:
        if row["state"] == DONE and row["sent_at"] is not None and row["channel"] == "email-notification":
            mail = told.get(_batch(row))
            if mail is None or row["recipient"] not in str(mail["To"]):
                yield Finding("untold", f"notice {row['id']}", f"no mail to {row['recipient']} bears its id")


def retold(scene: Scene) -> Iterator[Finding]:
    """I6, not twice: what a mail says belongs to its id alone."""
    urls: dict[str, set[str]] = defaultdict(set)
    for row in scene.notices:
        if row["batch"] is not None:
            urls[_batch(row)].add(row["subject_url"])
    for mail in scene.sight.mails:
        said = {_path(url) for url in URL.findall(_text(mail))}
        if len(said) < MOST_LISTED and said != urls[_id(mail)]:
            more = sorted(said - urls[_id(mail)])
            yield Finding("retold", f"mail {_id(mail)}", f"says {more or 'less'} than the notices of this id")


def spilled(scene: Scene) -> Iterator[Finding]:
    """I7: a secret where everybody can read it."""
    for path in scene.sight.logs:
        text = path.read_text(errors="replace")
        for number, secret in enumerate(scene.sight.secrets):
            if secret in text:
                yield Finding("spilled", path.name, f"holds secret number {number}")
    for table, rows in scene.database.everything().items():
        for number, secret in enumerate(scene.sight.secrets):
            if any(secret in row for row in rows):
                yield Finding("spilled", table, f"holds secret number {number}")


def unaudited(scene: Scene) -> Iterator[Finding]:
    """I8: done, and the log does not say so; or a revocation that it says more than once."""
    for one in scene.deployments:
        if one["state"] == DONE and not scene.happened["certificate.deployed", str(one["certificate_id"])]:
            yield Finding("unaudited", f"deployment {one['id']}", "no entry certificate.deployed")
    done = Counter(one["certificate_id"] for one in scene.revocations if one["state"] == DONE)
    for pk, times in done.items():
        if (said := len(scene.happened["certificate.revoked", str(pk)])) != times:
            yield Finding(
                "unaudited", f"certificate {pk}", f"revoked {times} times, {said} entries certificate.revoked"
            )


def pending(scene: Scene) -> Iterator[Finding]:
    """I9: work that has not come to an end; what waits for a moment that is far is none."""
    now = datetime.now(UTC)
    for table in JOBS:
        for row in scene.database.rows(table):
            if row["state"] in OPEN:
                since = f"{row['attempts']} attempts, {row['failures']} failures, {_age(row['not_before'], now)}"
                yield Finding("pending", f"{table} {row['id']}", f"{row['state']} after {since}: {row['last_error']}")


OUTSIDE: dict[str, Callable[[Scene], Iterator[Finding]]] = {
    "missing": missing,
    "surplus": surplus,
    "early": early,
    "misplaced": misplaced,
    "torn": torn,
    "untold": untold,
    "retold": retold,
    "spilled": spilled,
    "unaudited": unaudited,
    "pending": pending,
}


def wrong_with(certificate: bytes, key: bytes, mode: int) -> str:
    """What is wrong with a pair that somebody reads from a target; "" if nothing is."""
    if mode & 0o077:
        return f"the key is readable to others: {mode:o}"
    try:
        holders = (x509.load_pem_x509_certificate(certificate), load_pem_private_key(key, None))
    except ValueError as error:
        return f"not whole: {error}"
    shapes = {
        one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[union-attr]
        for one in holders
    }
    return "" if len(shapes) == 1 else "the key is another one's"


def _wrong_in(folder: Path) -> str:
    public, secret = folder / f"{folder.name}.pem", folder / f"{folder.name}.key"
    if not public.exists() and not secret.exists():
        return ""
    if not (public.exists() and secret.exists()):
        return "one of the two files is not there"
    return wrong_with(public.read_bytes(), secret.read_bytes(), secret.stat().st_mode)


def _held(folder: Path) -> str | None:
    """The fingerprint of the certificate in a folder."""
    path = folder / f"{folder.name}.pem"
    if not path.exists():
        return None
    parsed = x509.load_pem_x509_certificate(path.read_bytes())
    return hashlib.sha256(parsed.public_bytes(Encoding.DER)).hexdigest()


def _id(mail: EmailMessage) -> str:
    return str(mail["Message-ID"]).strip("<>").partition("@")[0].removeprefix("notices.").replace("-", "")


def _batch(row: Row) -> str:
    """SQLite keeps it without its hyphens."""
    return str(row["batch"]).replace("-", "")


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part is not None else ""


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3] if url.count("/") > 2 else url


def _age(moment: object, now: datetime) -> str:
    at = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return f"due {(at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds():+.0f} s"
