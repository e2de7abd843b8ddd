"""Take over a Netflix Lemur: everything it knows, out of its own PostgreSQL database."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError
from django.utils.timezone import now as clock
from environ import FileAwareEnv, ImproperlyConfigured

from accounts.service import system_user
from core.commands import BaseCommand
from lifecycle.moving.desk import Desk
from lifecycle.moving.lemur import Lemur
from lifecycle.moving.report import Report
from lifecycle.moving.run import move
from lifecycle.moving.vault import Vault, parse_keys

ADDRESS, KEYS = "LEMUR_DATABASE_URL", "LEMUR_ENCRYPTION_KEYS"
INCOMPLETE = 2
EVERY_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        f"Takes over users, roles, authorities, certificates with their keys, notifications, destinations, sources, "
        f"domains and rotation policies of a Netflix Lemur. {ADDRESS} says where its PostgreSQL database is, which is "
        f"only read; {KEYS} are its encryption keys, with commas between them. Both may be given as a file, by "
        f"{ADDRESS}_FILE and {KEYS}_FILE. Run it again to go on after an interruption, or to bring what is new. "
        f"The exit status is {INCOMPLETE} if something did not come over, which the report names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="do everything, report, and take it back")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there too, as JSON")
        parser.add_argument(
            "--origin", default="lemur", help="a name for this Lemur, if you take over several (default: lemur)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Lemur(_read(ADDRESS)) as lemur:
                vault = Vault(parse_keys(_read(KEYS, default="")))
                desk = Desk(options["origin"][:64], by=system_user(), vault=vault, now=clock())
                report = move(lemur, desk, tell=self._progress(), dry=options["dry_run"])
        except IntegrityError as error:
            raise CommandError(
                f"Somebody else wrote the same rows; is another run at work? Run it again. {error}"
            ) from error
        self._show(report, options["report"])

    def _show(self, report: Report, file: Path | None) -> None:
        self.stdout.write(report.as_text())
        if file is not None:
            try:
                file.write_text(json.dumps(report.as_json(), indent=2, default=str) + "\n", encoding="utf-8")
            except OSError as error:
                raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        if not report.complete:
            raise CommandError("Not everything came over; the report says what and why.", returncode=INCOMPLETE)

    def _progress(self) -> Any:
        last: dict[str, float] = {}

        def tell(kind: str, done: int, total: int) -> None:
            now = time.monotonic()
            if done == total or now - last.get(kind, 0.0) >= EVERY_SECONDS:
                last[kind] = now
                self.stderr.write(f"{kind}: {done} of {total}")

        return tell


def _read(name: str, **default: str) -> str:
    try:
        return str(FileAwareEnv(interpolate=False).str(name, **default))
    except (ImproperlyConfigured, OSError) as error:
        raise CommandError(f"Set {name}, or {name}_FILE to a file that holds it. {error}") from error
