"""Simulates a year: ``bin/simulate-year --certificates 10000``. The last line is one JSON object.

It ends with 1 if a promise was broken: a certificate that ended while it was served, one that was served for too long
after its replacement was due, a failure that nobody was told of or somebody twice, a mail that was sent twice.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pki.envelope import new_key
from tests.postgres import Server

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=512MB")
BROKEN = ("expired", "late", "untold", "told_twice", "doubled_mails", "doubled_renewals")


def main() -> None:
    """Simulate, print, leave nothing behind."""
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    folder = Path(tempfile.mkdtemp(prefix="lemur-year-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    server = Server() if options.engine == "postgres" else None
    try:
        _configure(folder, server.start(*QUICK) if server else "")
        found = _run(options, folder)
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder)
    print(json.dumps(found), flush=True)
    sys.exit(int(any(found[name] for name in BROKEN)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/simulate-year", description=__doc__)
    parser.add_argument("--certificates", type=int, default=10_000, help="of 47 days each (10000)")
    parser.add_argument("--days", type=int, default=365, help="to be simulated (365)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all outages (a new one)")
    parser.add_argument("--step", type=int, default=1, help="hours between two runs of the sweeps (1)")
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--workers", type=int, default=2, help="processes besides this one; 0: it does all itself (2)")
    return parser.parse_args()


def _configure(folder: Path, url: str) -> None:
    """The environment of this process, so that Django may be set up in it afterwards."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "lemur_site.settings",
        "LEMUR_HOME": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": new_key(),
        "DESTINATION_DIRECTORIES": str(folder),
        "LEMUR_SECURITY_TEAM_EMAIL": "security@example.org",
        # Who renews certificates of 47 days two weeks before their end has nobody told of that before it is serious.
        "LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS": "7,2",
        "LEMUR_SECURITY_TEAM_EMAIL_INTERVALS": "7,2",
    }
    if url:
        os.environ["DATABASE_URL"] = url


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.WARNING)
    settings.SEND_TASK = "tests.nudges.send"
    call_command("migrate", verbosity=0)
    from plugins import registry
    from tests.year.plugins import ENTRIES
    from tests.year.year import simulate  # models exist only from here on

    registry.entries.update(ENTRIES)  # type: ignore[attr-defined]  # a plain dict, which its type hides
    if options.engine == "sqlite":
        options.workers = 0
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    began = time.monotonic()
    found = simulate(options, start, folder, say=_say)
    return {**found, "engine": options.engine, "seconds": round(time.monotonic() - began)}


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
