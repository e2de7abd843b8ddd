"""What each sweep of the timetable costs with nothing due, and with a hundred due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.timezone import now as clock

from authorities import publishing
from lemur_site.celery import app
from lemur_site.schedule import PERIODS
from lifecycle.digests import send_digests
from lifecycle.expiry import notify_expiring
from notifications.models import Notice
from tests.bench import due, load
from tests.bench.counting import counted
from tests.bench.servers import Servers


@dataclass(frozen=True)
class Cost:
    """Milliseconds by the clock and of processors, ours and the database's; statements; how many were due."""

    ms: float
    cpu_ms: float
    sql: int
    due: int


def costs(servers: Servers, say: Callable[[str], None]) -> dict[str, dict[str, Cost]]:
    """By sweep: ``idle``, then ``busy``. The messages that they send are thrown away."""
    app.loader.import_default_modules()
    _settle(say)
    found = {}
    for name in sorted(PERIODS):
        say(f"sweeping: {name}")
        app.tasks[name]()  # what the sweep before has left behind
        idle = _cost(servers, name, 0)
        busy = _cost(servers, name, due.MAKERS[name](clock()))
        found[name] = {"idle": idle, "busy": busy}
        due.clear()
        _all_told()
    app.control.purge()
    return found


def _settle(say: Callable[[str], None]) -> None:
    """Whatever is due in a new world is done: renewals are put off, people are told, lists are made."""
    now = clock()
    say("telling everybody what they must be told")
    notify_expiring(now=now)
    send_digests(now=now)
    _all_told()
    due.clear()
    for authority in publishing.due(now):
        publishing.prepare(authority, now=now)
    load.settle()


def _all_told() -> None:
    Notice.objects.filter(state="waiting").update(state="done", sent_at=clock())


def _cost(servers: Servers, name: str, number: int) -> Cost:
    cpu, began = _cpu_seconds(servers), time.perf_counter()
    with counted() as statements:
        app.tasks[name]()
    ms, cpu_ms = (time.perf_counter() - began) * 1000, (_cpu_seconds(servers) - cpu) * 1000
    return Cost(round(ms, 1), round(cpu_ms, 1), len(statements), number)


def _cpu_seconds(servers: Servers) -> float:
    return time.process_time() + servers.cpu_seconds()
