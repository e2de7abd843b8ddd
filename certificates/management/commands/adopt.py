"""After a restore: enter into the ledgers what our authorities signed and published, and the database has forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates import service
from core.commands import BaseCommand
from core.errors import DomainError
from pki import gathering, revocation
from pki.errors import BadAnswer, PkiError
from pki.names import printable

MOST = 100_000
"""Certificates in a file."""


class Command(BaseCommand):
    help = (
        "Reads certificates and revocation lists that authorities of this installation have signed, and enters what "
        "their ledgers do not know. For a database that was restored from a backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, help="PEM or DER; a file of PEM may hold many certificates")

    def handle(self, *args: Any, **options: Any) -> None:
        problems = sum(not self._adopt(path) for path in options["files"])
        if problems:
            raise CommandError(f"{problems} of {len(options['files'])} files were not entered as a whole: see above.")

    def _adopt(self, path: Path) -> bool:
        """Say what became of a file; whether that was all of it."""
        try:
            data = path.read_bytes()
        except OSError as error:
            return self._problem(path, f"it cannot be read: {error.strerror}.")
        return self._adopt_crl(path, data) if _is_crl(data) else self._adopt_certificates(path, data)

    def _adopt_crl(self, path: Path, data: bytes) -> bool:
        try:
            revoked = service.adopt_crl(data, by=system_user(), now=clock())
        except DomainError as error:
            return self._problem(path, error)
        self.stdout.write(f"{path}: {revoked} revocations were entered.")
        return True

    def _adopt_certificates(self, path: Path, data: bytes) -> bool:
        gathered = gathering.gather([gathering.File(path.name, data)], None, limit=MOST)
        sound = not [self._problem(path, problem.reason) for problem in gathered.problems]
        entered = 0
        for found in gathered.found:
            try:
                entered += service.adopt(found.certificate, by=system_user(), now=clock())
            except (DomainError, PkiError) as error:
                sound = self._problem(path, error)
        self.stdout.write(f"{path}: {entered} of {len(gathered.found)} certificates were entered.")
        return sound

    def _problem(self, path: Path, what: object) -> bool:
        self.stderr.write(printable(f"{path}: {what}"))  # what a certificate says may hold anything
        return False


def _is_crl(data: bytes) -> bool:
    try:
        revocation.crl_expires(data)
    except BadAnswer:
        return False
    return True
