"""What goes wrong meanwhile: somebody is killed every half to three seconds, now and then it is the broker or the database."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable

import psutil

from tests.chaos.ground import Ground, MailTrouble
from tests.chaos.programs import Program, Programs

SHORTEST, LONGEST = 0.5, 3.0
DOWN = 1.0, 6.0  # seconds that a broker, database or mail server is away
SELDOM = 40.0  # seconds between two of those at least, so that something gets done in between


class Faults:
    """Kills; ``done`` counts what.

    In the main thread: a database that another thread has started would end with that thread.
    """

    def __init__(self, ground: Ground, programs: Programs, *, seed: int) -> None:
        self.ground, self.programs = ground, programs
        self.chance = random.Random(seed)  # noqa: S311  to be repeated, not secret
        self.done: Counter[str] = Counter()
        self._mail = MailTrouble(ground.mail)
        self._seldom = time.monotonic() + SELDOM / 2
        self._kinds: dict[str, tuple[int, Callable[[], object]]] = {
            "child of a worker": (4, lambda: self._kill_child("worker-3")),
            "worker": (6, lambda: self._kill(self.chance.choice(programs.named("worker")))),
            "timetable": (3, lambda: self._kill(self.chance.choice(programs.named("beat")))),
            "child of the web server": (4, lambda: self._kill_child("web")),
            "web server": (2, lambda: self._kill(programs.named("web")[0])),
            "worker asleep": (2, self._pause),
        }
        self._seldom_kinds: dict[str, Callable[[], object]] = {
            "broker": self._broker,
            "database": self._database,
            "mail server refuses": lambda: self._mail.refuse(self.chance.uniform(*DOWN)),
            "mail server hangs up": lambda: self._mail.drop(self.chance.uniform(*DOWN)),
        }

    def run(self, seconds: float) -> None:
        """For so long; all is well afterwards."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(self.chance.uniform(SHORTEST, LONGEST))
            kind = self._choose()
            self.done[kind] += self._act(kind)
        self._mail.end()

    def _choose(self) -> str:
        if time.monotonic() > self._seldom:
            self._seldom = time.monotonic() + SELDOM * self.chance.uniform(0.5, 1.5)
            return self.chance.choice(list(self._seldom_kinds))
        return self.chance.choices(list(self._kinds), [weight for weight, _ in self._kinds.values()])[0]

    def _act(self, kind: str) -> bool:
        """Was anybody hit? Who is being started again just then is not."""
        act = self._seldom_kinds.get(kind) or self._kinds[kind][1]
        try:
            return act() is not False
        except (OSError, psutil.Error) as error:
            print(f"{kind}: {error}", file=sys.stderr)
            return False

    def _kill(self, program: Program) -> bool:
        if program.lives:
            os.kill(program.pid, signal.SIGKILL)
        return program.lives

    def _kill_child(self, name: str) -> bool:
        children = self.programs.named(name)[0].children()
        if children:
            self.chance.choice(children).kill()
        return bool(children)

    def _pause(self) -> bool:
        """A worker that sleeps for a moment in the midst of its work, and wakes up."""
        program = self.chance.choice(self.programs.named("worker"))
        if program.lives:
            os.kill(program.pid, signal.SIGSTOP)
            time.sleep(self.chance.uniform(*DOWN))
            os.kill(program.pid, signal.SIGCONT)
        return program.lives

    def _broker(self) -> None:
        self.ground.broker.kill()
        self.ground.broker.flush()
        time.sleep(self.chance.uniform(*DOWN))
        self.ground.broker.start()

    def _database(self) -> None:
        self.ground.database.crash()
        time.sleep(self.chance.uniform(*DOWN))
        self.ground.database.start_again()
