"""Runs the benchmark: ``bin/bench --rows 1000000``. The last line is one JSON object."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from statistics import median_high

from tests.bench import pages
from tests.bench.calibration import calibrate
from tests.bench.measure import ISSUE_PATH, Client, issue, orders, read
from tests.bench.report import Issuing, Reading, Results
from tests.bench.selecting import SELECTIONS, select
from tests.bench.servers import Servers
from tests.bench.world import World

SAMPLES = 200
MOST_WORK = 1_000  # rotations, and half the checks of revocation
SECONDS = 15


def main() -> None:
    """Measure, print, leave nothing behind."""
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    servers = Servers()
    try:
        servers.start(sweeps=options.sweeps, embedded=options.embedded)
        results = _run(servers, options)
    finally:
        servers.stop()
    print(results.table(), results.line(), sep="\n\n", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="certificates to load first (100000)")
    parser.add_argument("--only", choices=("issue", "read", "pages", "sweeps"), help="leave out the rest")
    parser.add_argument("--pages", action="store_true", help="measure the pages, too")
    parser.add_argument("--sweeps", action="store_true", help="measure what happens by itself, too")
    parser.add_argument("--embedded", action="store_true", help="on SQLite, as bin/up starts it; without --sweeps")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"time for each measurement ({SECONDS})")
    options = parser.parse_args()
    options.sweeps = options.sweeps or options.only == "sweeps"
    options.pages = options.pages or options.only == "pages"
    if options.sweeps and options.embedded:
        parser.error("What happens by itself is measured on PostgreSQL and Redis: leave --embedded or --sweeps out.")
    return options


def _run(servers: Servers, options: argparse.Namespace) -> Results:
    world = _load(options.rows)
    servers.serve()
    _say("calibrating")
    before = calibrate(servers.dsn, seconds=options.seconds / 2)
    results = Results(options.rows, before)
    try:
        _measure(servers, world, results, options)
    except BaseException:
        print(results.table(), "\nThen it broke.", sep="\n", flush=True)
        raise
    _say("calibrating again, in case the machine does not do now what it did before")
    results.calibration = before.mean(calibrate(servers.dsn, seconds=options.seconds / 2))
    return results


def _measure(servers: Servers, world: World, results: Results, options: argparse.Namespace) -> None:
    if options.only in (None, "read"):
        _read(servers, world, results, seconds=options.seconds)
    if options.pages:
        _read_pages(servers, world, results, seconds=options.seconds)
    if options.only in (None, "issue"):
        _issue(servers, world, results, seconds=options.seconds)
    results.rss_mb = servers.rss_mb()
    if options.sweeps:
        _sweep(servers, results, seconds=options.seconds)


def _load(rows: int) -> World:
    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)
    from tests.bench import load  # models exist only from here on

    _say(f"loading {rows:,} certificates")
    world = load.load(rows, now=datetime.now(UTC))
    load.settle()
    return world


def _read(servers: Servers, world: World, results: Results, *, seconds: float) -> None:
    for name, paths in _paths(world).items():
        _say(f"reading: {name}")
        callers = [Client(servers.port, who, pages=name == "overview") for who in (world.administrator, world.member)]
        results.read[name], results.read_user[name] = _readings(servers, callers, paths, seconds=seconds)


def _read_pages(servers: Servers, world: World, results: Results, *, seconds: float) -> None:
    for name, paths in pages.everybodys(world).items():
        _say(f"page: {name}")
        callers = [Client(servers.port, who, pages=True) for who in (world.administrator, world.member)]
        results.pages[name], results.pages_user[name] = _readings(servers, callers, paths, seconds=seconds)
    for name, paths in pages.ADMINISTRATORS.items():
        _say(f"page: {name}")
        caller = Client(servers.port, world.administrator, pages=True)
        [results.pages[name]] = _readings(servers, [caller], paths, seconds=seconds)


def _readings(servers: Servers, callers: Sequence[Client], paths: Iterator[str], *, seconds: float) -> list[Reading]:
    """Of each caller."""
    found = read(callers, paths, samples=SAMPLES, seconds=seconds)
    sql = [_statements(servers, partial(_get, caller, paths)) for caller in callers]
    return [Reading(times, statements) for times, statements in zip(found, sql, strict=True)]


def _paths(world: World) -> dict[str, Iterator[str]]:
    """Addresses without end, for each kind of request."""
    chance, pages = random.Random(3), max(1, world.rows // 10)  # noqa: S311  believable, not secret
    there = "/api/1/certificates"
    return {
        "list": repeat(there),
        "list_deep": iter(lambda: f"{there}?page={chance.randint(pages // 2, pages)}", ""),
        "search": iter(lambda: f"{there}?filter=name;svc{chance.randrange(world.services):06}", ""),
        "search_wide": iter(lambda: f"{there}?filter=name;team{chance.randrange(100):03}", ""),
        "detail": iter(lambda: f"{there}/{world.first_id + chance.randrange(world.rows)}", ""),
        "stats": repeat(f"{there}/stats?metric=issuer"),
        "overview": repeat("/"),
    }


def _issue(servers: Servers, world: World, results: Results, *, seconds: float) -> None:
    for name, key_type in (("p256", "ECCPRIME256V1"), ("rsa2048", "RSA2048")):
        order = orders(world, key_type)
        for clients in (1, 4):
            _say(f"issuing: {name} with {clients} client{'s' * (clients > 1)}")
            callers = [Client(servers.port, world.member) for _ in range(clients)]
            issue(callers, order, seconds=seconds / 10)
            before = servers.cpu_seconds()
            per_s, times, made = issue(callers, order, seconds=seconds)
            cpu_ms = (servers.cpu_seconds() - before) / made * 1000
            sql = _statements(servers, partial(_post, callers[0], order))
            results.issue[f"{name}_c{clients}"] = Issuing(per_s, times, cpu_ms, sql)


def _sweep(servers: Servers, results: Results, *, seconds: float) -> None:
    from tests.bench import sweeping, working  # which know Django

    for name in SELECTIONS:
        _say(f"selecting: {name}")
        results.selects[name] = select(name)
    results.sweeps = sweeping.costs(servers, _say)
    number = round(MOST_WORK * min(1, seconds / SECONDS))
    with working.workers(servers.home / "worker.log") as used:

        def cpu_seconds() -> float:
            return used() + servers.cpu_seconds()

        _say(f"checking {2 * number} certificates for revocation")
        results.revocation = working.revocations(servers.home, 2 * number, cpu_seconds)
        _say(f"rotating {number} certificates")
        results.rotation = working.rotations(servers.home, number, cpu_seconds)


def _statements(servers: Servers, act: Callable[[], object]) -> int | None:
    """What a request takes; the middle one of five, as one may meet a new connection that must be set up."""
    with servers.counting() as count:
        return median_high(count(act) for _ in range(5)) if count else None


def _get(caller: Client, paths: Iterator[str]) -> None:
    caller.ask("GET", next(paths))


def _post(caller: Client, order: Callable[[], bytes]) -> None:
    caller.ask("POST", ISSUE_PATH, order())


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
