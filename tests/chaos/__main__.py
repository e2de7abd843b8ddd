"""Runs the chaos: ``bin/chaos --minutes 10 --seed 1 --broker redis``. The last line is one JSON object.

Exits with 0 only if nothing was lost or doubled, and everything fits together.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.chaos.faults import Faults
from tests.chaos.furnish import furnish
from tests.chaos.ground import BROKERS, Ground, ground
from tests.chaos.load import Load
from tests.chaos.programs import Programs
from tests.chaos.reader import Reader
from tests.chaos.verdict import Verdict, judge, summary
from tests.system.installation import ROOT, wait_until
from tests.system.parts import LONG, Parts

RENEWALS_PER_MINUTE, SERVED_PER_MINUTE = 8, 2
CALM_SECONDS = 20.0  # for what is on its way when the faults end


def main() -> int:
    """All of it; nothing is left behind but, where something was found, the logs."""
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    logging.disable(logging.INFO)
    folder = Path(tempfile.mkdtemp(prefix="lemur-chaos-"))
    folder.chmod(0o711)  # the account of the SFTP server goes through it
    _say(f"seed {options.seed}, broker {options.broker}, logs in {folder}")
    with ground(folder, options.broker) as made:
        verdict, more = _run(made, options)
    for sentence in (*verdict.lost, *verdict.doubled, *verdict.findings):
        print(sentence)
    print(summary(verdict, seed=options.seed, broker=options.broker, minutes=options.minutes, **more), flush=True)
    good = verdict.is_good and not any(more[name] for name in ("unanswered", "refused", "torn", "restless"))
    if good and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long somebody is killed (10)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats what is chosen at random")
    parser.add_argument("--broker", choices=BROKERS, default="redis", help="what carries the messages (redis)")
    parser.add_argument("--keep", action="store_true", help="keep the logs also where nothing was found")
    return parser.parse_args()


def _run(made: Ground, options: argparse.Namespace) -> tuple[Verdict, dict[str, Any]]:
    logs = made.folder / "logs"
    logs.mkdir()
    Parts(made.place, made.database).prepare()
    programs = Programs(made.place, log=logs)
    with ExitStack() as stack:
        try:
            programs.start()
            wait_until(made.place.is_up, LONG, every=0.5)
            _say("furnishing")
            minutes = max(1, round(options.minutes))
            given = furnish(
                made, stack, renewals=minutes * RENEWALS_PER_MINUTE, served=minutes * SERVED_PER_MINUTE
            )  # fmt: skip
            load = Load(f"http://127.0.0.1:{made.place.port}/api/1", given, seed=options.seed)
            reader, faults = Reader(*made.targets.values()), Faults(made, programs, seed=options.seed)
            load.start()
            reader.start()
            _say(f"killing for {options.minutes:g} minutes")
            faults.run(options.minutes * 60)
            _say(f"the faults are over: {sum(faults.done.values())}; {len(load.operations)} operations were asked for")
            load.end()
            time.sleep(CALM_SECONDS)
        finally:
            programs.stop()
        _say("three sweeps, and one that must change nothing")
        restless = _settle(made, logs)
        reader.end()
        verdict = judge(made, given, load.operations, logs)
    return verdict, {
        "unanswered": len(load.open()),
        "refused": load.refused[:10],
        "torn": reader.problems[:10],
        "read": reader.read,
        "restless": restless[:10],
        "asked": sum(load.statuses.values()),
        "answers": {str(status): times for status, times in sorted(load.statuses.items())},
        "mails": len(made.mail.received),
        "faults": dict(sorted(faults.done.items())),
        "starts": {one.name: one.starts for one in programs.all},
    }


def _settle(made: Ground, logs: Path) -> list[str]:
    """What still changed in the fourth sweep."""
    environment = {**made.place.environment, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
    with (logs / "settle.log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.settle"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, check=False, timeout=1800,
        )  # fmt: skip
    if done.returncode:
        return [(logs / "settle.log").read_text()[-2000:]]
    found: list[str] = json.loads(done.stdout.splitlines()[-1])["restless"]
    return found


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main())
