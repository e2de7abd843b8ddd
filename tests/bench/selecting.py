"""``python -m tests.bench.selecting notify``: one selection in a process of its own, so that its memory can be seen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Selecting:
    """Seconds by the clock, and of the processor in this process; the most memory that it had; statements; what was found."""

    s: float
    cpu_s: float
    rss_mb: float
    sql: int
    found: int


def select(what: str) -> Selecting:
    """In a new process, whose environment is ours."""
    command = [sys.executable, "-m", "tests.bench.selecting", what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The selection of {what} failed: {done.stderr[-2000:]}")
    return Selecting(**json.loads(done.stdout.splitlines()[-1]))


def _notify() -> int:
    """The notices that must be written now."""
    from django.utils.timezone import now

    from lifecycle import expiry

    at = now()
    return sum(map(len, expiry.missing(at, held=at)))


def _reissue() -> int:
    """The certificates that must be renewed now."""
    from lifecycle.rotation import reissue_due

    return len(reissue_due(dry_run=True))


SELECTIONS: dict[str, Callable[[], int]] = {"notify": _notify, "reissue": _reissue}


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    from tests.bench.counting import counted

    connection.ensure_connection()
    with counted() as statements:
        began, used = time.perf_counter(), time.process_time()
        found = SELECTIONS[sys.argv[1]]()
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
    times = {"s": round(seconds, 2), "cpu_s": round(cpu, 2)}
    print(json.dumps({**times, "rss_mb": round(_most_memory()), "sql": len(statements), "found": found}))


def _most_memory() -> float:
    """In MB. What ``getrusage`` says of a process is at least what the one that started it had."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    main()
