"""The year itself: hour after hour, and what became of it."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from django.db.models import Count

from certificates.models import Certificate
from tests.year import crew, furnishing, hours, plugins, telling
from tests.year.furnishing import Plan
from tests.year.truth import Truth

HOUR = timedelta(hours=1)
PROGRESS = timedelta(days=7)


def simulate(
    options: argparse.Namespace, today: datetime, folder: Path, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Everything that is counted; what should be 0 is listed in ``__main__``."""
    start = today + furnishing.AHEAD
    plan = Plan(options.certificates, options.days, options.seed, start, options.step * HOUR, folder)
    say(
        f"seed {plan.seed}: {plan.certificates} certificates at {len(plan.weather.targets)} targets for {plan.days} days"
    )
    plugins.world.ca, plugins.world.targets = plan.weather
    workers = crew.Crew(options.workers)
    try:
        truth = _live(plan, workers, say)
    finally:
        workers.end()
    return _found(plan, truth)


def _live(plan: Plan, workers: crew.Crew, say: Callable[[str], None]) -> Truth:
    truth = Truth(plan.start)
    truth.learn(furnishing.furnish(plan, workers), now=plan.start)
    say(f"{len(truth.ends)} certificates are held by their targets")
    told = plan.start
    for now in plan.moments():
        truth.learn(hours.live(now, workers), now=now)
        if now >= told + PROGRESS:
            told = now
            say(
                f"day {(now - plan.start).days}: {truth.renewals} renewed, {len(truth.expired)} expired, {len(truth.late)} late"
            )
    return truth


def _found(plan: Plan, truth: Truth) -> dict[str, Any]:
    told = asdict(telling.check(truth))
    ends = [_end(path) for path in plan.folder.glob("target*/*/*.pem")]
    over = sum(end <= truth.now for end in ends) + plan.certificates - len(ends)
    lags = sorted(truth.lags)
    return {
        "certificates": plan.certificates,
        "days": plan.days,
        "seed": plan.seed,
        "renewals": truth.renewals,
        "issued": truth.issued,
        "ca_down_percent": round(plan.weather.ca.total / (plan.end - plan.start) * 100, 1),
        "longest_outage_hours": round(plan.weather.ca.longest / HOUR),
        "refused_by_ca": truth.refused["refused by the CA"],
        "refused_by_targets": truth.refused["refused by the target"],
        "expired": len(truth.expired) + over,
        "late": len(truth.late),
        "hours_to_renew": {name: round(lags[int(rank * (len(lags) - 1))] / HOUR, 1) if lags else None
                           for name, rank in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
        "failures": told["failures"],
        "untold": told["untold"],
        "told_twice": told["twice"],
        "mails": len(truth.mails),
        "doubled_mails": told["doubled_mails"],
        "doubled_renewals": Certificate.objects.alias(n=Count("replaced")).filter(n__gt=1).count(),
        "other_notices": told["others"],
        "cpu_seconds": _cpu_seconds(),
    }  # fmt: skip


def _end(path: Path) -> datetime:
    """Until when the first certificate of a file is valid: what a server would be started with now."""
    return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc


def _cpu_seconds() -> int:
    """Of this process and its workers, without the database."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(one.ru_utime + one.ru_stime for one in used))
