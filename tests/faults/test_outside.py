"""What is seen outside fits the database of an installation that is in order, and whatever does not fit is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from pki.envelope import Keyring
from tests import pki_material
from tests.faults.case import Case, Worker
from tests.faults.checker import Row
from tests.faults.outside import OUTSIDE, Sight, look
from tests.faults.staging import LABEL, RENEWED, REVOKED
from tests.faults.test_checker import AUDIT, CERTIFICATES, Vandal

DEPLOYMENTS, NOTICES, REPLACES = "certificates_deployment", "notifications_notice", "certificates_certificate_replaces"
SECRET = "PRIVATE KEY-----"


@dataclass
class Stage:
    """An installation and all that is outside, to be broken."""

    it: Vandal
    folder: Path
    sight: Sight = field(default_factory=Sight)

    @property
    def files(self) -> Path:
        """Where the certificate is that was renewed."""
        return self.folder / "targets" / RENEWED

    def certificate(self, cn: str) -> Row:
        """The newest of this name."""
        return [row for row in self.it.rows(CERTIFICATES) if row["cn"] == cn][-1]

    def events(self, event: str) -> list[Row]:
        return [row for row in self.it.rows(AUDIT) if row["event"] == event]

    def change(self, **changes: object) -> None:
        self.sight = replace(self.sight, **changes)  # type: ignore[arg-type]


def row_of_an_issued_one_is_gone(one: Stage) -> None:
    one.it.delete(CERTIFICATES, one.certificate(REVOKED))


def issued_and_never_seen(one: Stage) -> None:
    authority = next(iter(one.sight.issued))
    one.change(issued={authority: [*one.sight.issued[authority], 4711]})


def second_successor(one: Stage) -> None:
    [row] = one.it.rows(REPLACES)
    one.it.update(CERTIFICATES, one.certificate(REVOKED), status=None)
    one.it.copy(REPLACES, row, from_certificate_id=one.certificate(REVOKED)["id"])


def retired_before_it_arrived(one: Stage) -> None:
    arrived = one.events("certificate.deployed")[-1]
    one.it.copy(AUDIT, arrived)  # with the highest id
    one.it.delete(AUDIT, arrived)


def target_has_the_previous_one(one: Stage) -> None:
    current, previous = one.files / ".current", (one.files / ".previous").readlink()
    current.unlink()
    current.symlink_to(previous)


def target_has_nothing(one: Stage) -> None:
    shutil.rmtree(one.files)


def target_has_what_nobody_delivered(one: Stage) -> None:
    folder = one.files.with_name("other.example.org")
    folder.mkdir()
    pair = pki_material.Pair(pki_material.certificate(pki_material.name("x"), key := pki_material.p256()), key)
    (folder / "other.example.org.pem").write_text(pair.pem)
    secret = folder / "other.example.org.key"
    secret.write_text(pair.key_pem)
    secret.chmod(0o600)


def key_of_the_previous_one(one: Stage) -> None:
    name = f"{RENEWED}.key"
    shutil.copyfile(one.files / ".previous" / name, one.files / ".current" / name)


def half_a_key(one: Stage) -> None:
    path = one.files / f"{RENEWED}.key"
    path.write_bytes(path.read_bytes()[:100])


def key_for_everybody(one: Stage) -> None:
    (one.files / f"{RENEWED}.key").chmod(0o644)


def no_key(one: Stage) -> None:
    (one.files / f"{RENEWED}.key").unlink()


def mail_is_lost(one: Stage) -> None:
    one.change(mails=one.sight.mails[1:])


def mail_to_somebody_else(one: Stage) -> None:
    mail = message_from_bytes(one.sight.mails[0].as_bytes(), policy=policy.default)
    mail.replace_header("To", "nobody@example.org")
    one.change(mails=[mail, *one.sight.mails[1:]])


def told_again_under_another_id(one: Stage) -> None:
    mail = message_from_bytes(one.sight.mails[0].as_bytes(), policy=policy.default)
    mail.replace_header("Message-ID", "<notices.0b6b3a0c-0000-4000-8000-000000000000@example.org>")
    one.change(mails=[*one.sight.mails, mail])


def notice_in_another_mail(one: Stage) -> None:
    row = next(row for row in one.it.rows(NOTICES) if row["sent_at"] is not None)
    one.it.update(NOTICES, row, batch="0b6b3a0c000040008000000000000000")


def key_in_a_log(one: Stage) -> None:
    path = one.folder / "web.log"
    path.write_text(f"-----BEGIN {SECRET}\n")
    one.change(logs=[path])


def key_in_a_column(one: Stage) -> None:
    one.it.update(CERTIFICATES, one.certificate(RENEWED), description=f"-----BEGIN {SECRET}")


def delivery_that_the_log_does_not_know(one: Stage) -> None:
    for row in one.events("certificate.deployed"):
        one.it.delete(AUDIT, row)


def revocation_that_the_log_knows_twice(one: Stage) -> None:
    one.it.copy(AUDIT, one.events("certificate.revoked")[0])


def delivery_that_nobody_makes(one: Stage) -> None:
    one.it.update(DEPLOYMENTS, one.it.rows(DEPLOYMENTS)[-1], state="waiting")


def notice_that_nobody_tells(one: Stage) -> None:
    one.it.update(NOTICES, one.it.rows(NOTICES)[0], state="waiting")


MUTANTS: dict[Callable[[Stage], None], str] = {
    row_of_an_issued_one_is_gone: "missing",
    issued_and_never_seen: "missing",
    second_successor: "surplus",
    retired_before_it_arrived: "early",
    target_has_the_previous_one: "misplaced",
    target_has_nothing: "misplaced",
    target_has_what_nobody_delivered: "misplaced",
    key_of_the_previous_one: "torn",
    half_a_key: "torn",
    key_for_everybody: "torn",
    no_key: "torn",
    mail_is_lost: "untold",
    mail_to_somebody_else: "untold",
    told_again_under_another_id: "retold",
    notice_in_another_mail: "untold",
    key_in_a_log: "spilled",
    key_in_a_column: "spilled",
    delivery_that_the_log_does_not_know: "unaudited",
    revocation_that_the_log_knows_twice: "unaudited",
    delivery_that_nobody_makes: "pending",
    notice_that_nobody_tells: "pending",
}


@pytest.fixture(scope="module")
def staged(worker: Worker) -> Iterator[tuple[str, Path, Sight]]:
    """Played once: a word for its database, the folder with all that is outside, and how that is looked at."""
    folder = worker.directory / "stage"
    for name in ("targets", "mails"):
        (folder / name).mkdir(parents=True)
    case = Case(worker)
    done = case.run("stage", targets=str(folder / "targets"), mails=str(folder / "mails"))
    assert done.code == 0, worker.errors()
    sight = Sight(issued={done.result["authority"]: done.result["serials"]}, secrets=[SECRET])
    yield case.keep(), folder, sight
    case.close()


@pytest.fixture
def stage(worker: Worker, staged: tuple[str, Path, Sight], tmp_path: Path) -> Iterator[Stage]:
    kept, folder, sight = staged
    shutil.copytree(folder, tmp_path / "stage", symlinks=True)
    case = Case(worker, kept)
    database = case.open()
    one = Stage(Vandal(database, Keyring.parse(worker.keys)), tmp_path / "stage", sight)
    one.change(targets={LABEL: one.folder / "targets"}, mails=_mails(one.folder / "mails"))
    yield one
    database.close()
    case.close()


def _mails(folder: Path) -> list[EmailMessage]:
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default)  # type: ignore[misc]
        for path in sorted(folder.iterdir())
    ]


def test_content(stage: Stage) -> None:
    assert look(stage.it.database, stage.sight) == []
    assert len(stage.sight.mails) == 1
    assert [folder.name for folder in stage.files.parent.iterdir()] == [RENEWED]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant(mutant: Callable[[Stage], None], stage: Stage) -> None:
    mutant(stage)
    found = look(stage.it.database, stage.sight)
    assert MUTANTS[mutant] in {finding.kind for finding in found}, [str(finding) for finding in found]


def test_every_kind_has_a_mutant() -> None:
    assert set(MUTANTS.values()) == set(OUTSIDE)
