"""`manage.py clean_source`: remove from a source what no endpoint serves (contract 12.5)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.service import system_user
from certificates.models import CertificateQuerySet
from certificates.service import (
    get_all_pending_cleaning_expired,
    get_all_pending_cleaning_expiring_in_days,
    get_all_pending_cleaning_issued_since_days,
)
from core.commands import BaseCommand
from lifecycle.retiring import clean_source
from stores.models import Source


class Command(BaseCommand):
    """Which of them is said by exactly one of three options."""

    help = "Removes certificates that no endpoint serves from a source that can let go of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("label", help="The source.")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--expired", action="store_true", help="Those that are over.")
        which.add_argument("--expiring-in", type=int, metavar="DAYS", help="Those that are over within so many days.")
        which.add_argument("--issued-since", type=int, metavar="DAYS", help="Those known for at most so many days.")
        parser.add_argument("--dry-run", action="store_true", help="Name them, and remove none.")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Source.objects.filter(label=options["label"]).first()
        if source is None:
            raise CommandError(f"There is no source called {options['label']}.")
        found = list(_which(source, options))
        if options["dry_run"]:
            for certificate in found:
                self.stdout.write(str(certificate))
            return
        problems = clean_source(source, found, by=system_user())
        for problem in problems:
            self.stderr.write(problem)
        self.stdout.write(f"Removed {len(found) - len(problems)} of {len(found)} certificates from {source}.")


def _which(source: Source, options: dict[str, Any]) -> CertificateQuerySet:
    if options["expiring_in"] is not None:
        return get_all_pending_cleaning_expiring_in_days(source, options["expiring_in"])
    if options["issued_since"] is not None:
        return get_all_pending_cleaning_issued_since_days(source, options["issued_since"])
    return get_all_pending_cleaning_expired(source)
