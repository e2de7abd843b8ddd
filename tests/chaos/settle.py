"""After the faults: the timetable three times, each time nine hours later; then once more, which must change nothing.

Nine hours: whatever somebody had claimed who is dead now, or had put off, is due again by then. Prints a JSON object
that says what the fourth time has changed.
"""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta

import django

from tests import ahead  # before anything that imports the clock

django.setup()

from certificates.models import Order  # noqa: E402
from lemur_site.celery import app  # noqa: E402
from lemur_site.schedule import PERIODS  # noqa: E402
from tests.faults.checker import Database  # noqa: E402

TIMES, LATER = 3, timedelta(hours=9)
PATIENCE = 60.0
ASKED_AGAIN = "certificates.sweep_orders"
SAY_WHEN = ("lifecycle_endpoint", "lifecycle_sync", "stores_source")  # somebody looked, whatever was found


def send(task: str, args: tuple[int | str, ...]) -> None:
    """In place of lemur_site.celery.send."""
    app.tasks[task].apply(args)


def sweep() -> None:
    """The whole timetable; and a CA that has an order at work is asked again in time, as each minute."""
    for name in PERIODS:
        app.tasks[name]()
    ends = time.monotonic() + PATIENCE
    while (
        time.monotonic() < ends
        and Order.objects.filter(state="waiting", not_before__lt=ahead.now() + LATER / 9).exists()
    ):
        time.sleep(1)
        app.tasks[ASKED_AGAIN]()


def changes() -> list[str]:
    """Which tables one more sweep has changed, and how."""
    database = Database(os.environ["DATABASE_URL"])
    before = database.everything()
    sweep()
    after = database.everything()
    database.close()
    return [
        f"{table}: {row[:300]}"
        for table in after.keys() - SAY_WHEN
        for row in sorted({*before[table]} ^ {*after[table]})[:4]
    ]  # fmt: skip


def main() -> None:
    """All of it, in this process alone."""
    app.loader.import_default_modules()
    for turn in range(1, TIMES + 1):
        ahead.put(turn * LATER)
        sweep()
    print(json.dumps({"restless": changes()}))


if __name__ == "__main__":
    main()
