"""The product in parts, as deploy/ starts it: the command of each systemd unit, in this checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import Server
from tests.system.installation import ROOT, Installation, wait_until

UNITS = ROOT / "deploy" / "systemd"
PYTHON = "/opt/lemur/.venv/bin/python"
STATE = "/var/lib/lemur"
LONG = 240.0  # seconds, on a machine that does much else; a nudge that arrives takes a second
SHARED = {
    "SECRET_KEY": "x" * 60,
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "OUTBOUND_ALLOW": "127.0.0.0/8",
    "C_FORCE_ROOT": "1",
}


def command(unit: str, home: Path, *, queue: str = "") -> list[str]:
    """What a unit runs."""
    line = next(line for line in (UNITS / unit).read_text().splitlines() if line.startswith("ExecStart="))
    line = line.removeprefix("ExecStart=").replace("%%", "%").replace("%i", queue)
    program, *arguments = line.replace(STATE, str(home)).split()
    assert program == PYTHON
    return [sys.executable, *arguments]


@dataclass
class Parts:
    """An installation whose programs are started one by one."""

    place: Installation
    database: Server
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Migrations, the first administrator, static files."""
        unit = command("lemur-prepare.service", self.place.home)
        subprocess.run(unit, cwd=ROOT, env=self.place.environment, check=True, timeout=600)

    def start(self, name: str, *, queue: str = "", more: tuple[str, ...] = ()) -> None:
        unit = f"lemur-{name}.service" if not queue else f"lemur-{name}@.service"
        with (self.place.home.parent / f"{name}{queue}.log").open("ab") as log:
            self.running[name + queue] = subprocess.Popen(
                [*command(unit, self.place.home, queue=queue), *more],
                cwd=ROOT, env=self.place.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(60)


@contextmanager
def in_parts(home: Path, *, broker: str, queues: Sequence[str] = (), **environment: str) -> Iterator[Parts]:
    """With a PostgreSQL of its own, a web server, the timetable, a worker for every queue and one for each of ``queues``."""
    database = Server()
    url = database.start("fsync=off")
    place = Installation(home, DATABASE_URL=url, CELERY_BROKER_URL=broker, **{**SHARED, **environment})
    made = Parts(place, database)
    try:
        made.prepare()
        for name in ("web", "worker", "beat"):
            made.start(name)
        for queue in queues:
            made.start("worker", queue=queue)
        wait_until(made.place.is_up, LONG)
        yield made
    finally:
        made.end()
        database.stop()
