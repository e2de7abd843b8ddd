"""`manage.py sweep`: run a sweep of the timetable by hand, or see when each ran last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now as clock

from authorities import publishing
from certificates.service.batches import due_batches
from certificates.service.deploying import due_deployments
from certificates.service.issuance import due_orders
from certificates.service.renewing import due_suggestions
from certificates.service.revoking import due_revocations
from core.commands import BaseCommand
from core.models import SweepRun
from lemur_site.celery import app
from lemur_site.schedule import beat_schedule
from lifecycle import digests, endpoints, escalation, expiry, failures, retiring
from lifecycle.checking import due_endpoints
from lifecycle.discovery import due_syncs
from lifecycle.endpoints import due_rotations
from lifecycle.revocation import due_checks
from lifecycle.rotation import reissue_due
from lifecycle.switching import wanted
from notifications.models import Notice
from notifications.service import waiting_recipients
from stores.models import Source
from stores.service import due_scans


def _notices_of_ends() -> list[Notice]:
    """Without those that say less than another one."""
    found = chain.from_iterable(expiry.missing(now := clock(), held=now))
    return [notice for notice in found if notice.state == Notice.State.WAITING]


def _alarms() -> list[str]:
    begun, over = failures.changes(clock())
    return [*(f"raise {one}" for one in begun), *(f"resolve {one}" for one in over)]


def _replaced() -> list[str]:
    serving = (f"{endpoint} to {successor}" for endpoint, successor in endpoints.behind(clock()))
    return [*serving, *(f"retire {old}" for old, _successor in retiring.ready(clock()))]


# What each would do, without doing it.
DUE: Mapping[str, Callable[[], Collection[Any]]] = {
    "authorities.publish_crls": lambda: publishing.due(clock()),
    "certificates.sweep_batches": due_batches,
    "certificates.sweep_deployments": due_deployments,
    "certificates.sweep_orders": due_orders,
    "certificates.sweep_revocations": due_revocations,
    "certificates.sweep_suggestions": due_suggestions,
    "lifecycle.check_endpoints": due_endpoints,
    "lifecycle.check_revocation": due_checks,
    "lifecycle.escalate": lambda: list(chain.from_iterable(escalation.missing(clock()))),
    "lifecycle.find_endpoint_rotations": _replaced,
    "lifecycle.notify_expiring": _notices_of_ends,
    "lifecycle.reissue_due": lambda: reissue_due(dry_run=True),
    "lifecycle.send_digests": lambda: list(chain.from_iterable(digests.missing(clock()))),
    "lifecycle.set_switches": lambda: [(one.pk, on) for one, on in wanted()],
    "lifecycle.sweep_endpoint_rotations": due_rotations,
    "lifecycle.sweep_failures": _alarms,
    "lifecycle.sweep_syncs": due_syncs,
    "lifecycle.sync_sources": lambda: list(Source.objects.filter(active=True)),
    "notifications.sweep_notices": waiting_recipients,
    "stores.sweep_scans": due_scans,
}
SHOWN = 20


class Command(BaseCommand):
    """Without a name: all of them, with their period and when they last succeeded."""

    help = "Runs one sweep of the timetable now; without a name, lists them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="For example lifecycle.reissue_due.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"] is None:
            self._list()
        elif options["name"] not in beat_schedule():
            raise CommandError(f"There is no sweep called {options['name']}; without a name they are listed.")
        elif options["dry_run"]:
            self._say_what_is_due(options["name"])
        else:
            self._run(options["name"])

    def _list(self) -> None:
        runs = {run.name: run for run in SweepRun.objects.all()}
        self.stdout.write(f"{'Sweep':40}{'every':>8}  last success (UTC)")
        for name, entry in sorted(beat_schedule().items()):
            last = runs[name].succeeded_at if name in runs else None
            said = f"{last:%Y-%m-%d %H:%M:%S}" if last else "never"
            self.stdout.write(f"{name:40}{entry['schedule']:>7g}s  {said}")

    def _say_what_is_due(self, name: str) -> None:
        found = list(DUE[name]())
        self.stdout.write(f"{name} would take up {len(found)}.")
        for one in found[:SHOWN]:
            self.stdout.write(f"  {one}")
        if len(found) > SHOWN:
            self.stdout.write(f"  and {len(found) - SHOWN} more")

    def _run(self, name: str) -> None:
        """In this process, as a worker would; what it finds to be done it hands to the workers."""
        app.loader.import_default_modules()
        before = SweepRun.objects.filter(name=name).values_list("succeeded_at", flat=True).first()
        app.tasks[name]()
        if SweepRun.objects.filter(name=name).exclude(succeeded_at=before).exists():
            self.stdout.write(f"{name} is done.")
        else:
            raise CommandError(f"{name} is at work elsewhere; try again in a few minutes.")
