"""Importing many at once: what was brought is sorted into rows, and each is taken in, or refused, by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings

from accounts.models import User
from certificates.models import Certificate
from certificates.permissions import permissions
from certificates.service.importing import check, upload
from core.errors import DomainError
from pki import gathering, inspection
from pki.errors import PkiError
from pki.gathering import File, Found, Problem
from pki.keys import private_key_pem

Once = Callable[[str], AbstractContextManager[None]]
STRAY_KEY = "The private key in the same file belongs to another certificate: bring the right one, or none."


@dataclass(frozen=True)
class Row:
    """A certificate that may be imported: the one that is here already, or what stands in the way of importing it."""

    found: Found
    known: Certificate | None
    problem: str

    @property
    def fingerprint(self) -> str:
        """By which it is known from one request to the next."""
        return self.found.facts.fingerprint

    @property
    def importable(self) -> bool:
        """Whether there is anything to do about it."""
        return self.known is None and not self.problem


@dataclass(frozen=True)
class Seen:
    """What was made out of all that was brought."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @property
    def importable(self) -> int:
        """How many rows there is something to do about."""
        return sum(row.importable for row in self.rows)


class Result(StrEnum):
    """What became of a row."""

    IMPORTED = "imported"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """What became of a row: a certificate, or the reason why there is none."""

    row: Row
    result: Result
    certificate: Certificate | None = None
    reason: str = ""


def look_through(files: Iterable[File], passphrase: str | None, *, by: User, **fields: Any) -> Seen:
    """What the files hold, and of each certificate whether :func:`import_many` would take it in. Changes nothing.

    The fields are those of an upload, for all of them. Private keys are proven only by who takes them in. Raises
    Forbidden.
    """
    permissions.require(by, "upload", message="You are not authorized to upload a certificate.")
    fitting, problems = [], []
    for file in files:
        if len(file.data) > settings.MAX_PEM_IN_IMPORT:
            most = f"{settings.MAX_PEM_IN_IMPORT:,}"
            problems.append(Problem(file.name, f"It is larger than {most} bytes, the most that is taken."))
        else:
            fitting.append(file)
    gathered = gathering.gather(fitting, passphrase, limit=settings.MAX_CERTIFICATES_IN_IMPORT)
    return Seen(tuple(_rows(gathered.found, by, fields)), (*problems, *gathered.problems))


def _rows(found: tuple[Found, ...], by: User, fields: dict[str, Any]) -> Iterator[Row]:
    here = permissions.allowed(by, "view", Certificate.objects.present())
    fingerprints = [one.facts.fingerprint for one in found]
    known = {one.fingerprint: one for one in here.filter(fingerprint__in=fingerprints).order_by("-pk")}
    for one in found:
        yield Row(one, known.get(one.facts.fingerprint), _problem(one, by, fields))


def _problem(found: Found, by: User, fields: dict[str, Any]) -> str:
    if found.stray_key:
        return STRAY_KEY
    try:
        check(by=by, **fields, **_texts(found))
    except (DomainError, PkiError) as error:
        return _said(error)
    return ""


def import_many(rows: Iterable[Row], *, by: User, once: Once | None = None, **fields: Any) -> list[Outcome]:
    """Take each row in as :func:`upload` does, in a transaction of its own; one that is refused stops no other.

    The fields are those of an upload, for all of them. Each is done within ``once`` of its fingerprint, by which an
    upload recognises what was sent twice.
    """
    return [_import(row, by=by, once=once or (lambda _: nullcontext()), fields=fields) for row in rows]


def _import(row: Row, *, by: User, once: Once, fields: dict[str, Any]) -> Outcome:
    if row.known is not None:
        return Outcome(row, Result.KNOWN, row.known)
    if row.problem:
        return Outcome(row, Result.REFUSED, reason=row.problem)
    key = row.found.key
    try:
        private_key = private_key_pem(key) if key else None
        with once(row.fingerprint):
            made = upload(by=by, **fields, **_texts(row.found), private_key=private_key)
    except (DomainError, PkiError) as error:
        return Outcome(row, Result.REFUSED, reason=_said(error))
    return Outcome(row, Result.IMPORTED, made)


def _texts(found: Found) -> dict[str, Any]:
    chain = "".join(map(inspection.pem, found.chain))
    return {"body": inspection.pem(found.certificate), "chain": chain}


def _said(error: DomainError | PkiError) -> str:
    return error.plainly if isinstance(error, DomainError) else str(error)
