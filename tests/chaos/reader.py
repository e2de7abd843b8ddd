"""Somebody who reads what is delivered, all the time: never a certificate with another one's key, half a file, or a key for all."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from tests.faults.outside import wrong_with

PAUSE = 0.05


class Reader:
    """A thread; ``read`` counts the pairs, ``problems`` says what was wrong with one."""

    def __init__(self, *places: Path) -> None:
        self.places, self.read = places, 0
        self.problems: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        chance = random.Random(1)  # noqa: S311  any will do
        while not self._over.wait(PAUSE):
            folders = [folder for place in self.places for folder in place.iterdir()]
            if folders:
                self._look(chance.choice(folders))

    def _look(self, folder: Path) -> None:
        """The certificate before and after the key: what changed meanwhile was delivered meanwhile."""
        public, secret = folder / f"{folder.name}.pem", folder / f"{folder.name}.key"
        try:
            before, key, mode = public.read_bytes(), secret.read_bytes(), secret.stat().st_mode
            if public.read_bytes() != before:
                return
        except FileNotFoundError:  # not delivered yet, or taken away
            return
        self.read += 1
        if problem := wrong_with(before, key, mode):
            self.problems.append(f"{folder}: {problem}")
