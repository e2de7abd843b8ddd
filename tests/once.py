"""What is dear to make and left as it is: made by the first worker of a run that needs it, and there for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = "TEST_RUN_FOLDER"


def begin_run() -> str | None:
    """The folder that a run shares, if this process is the first of it; whoever made it calls :func:`end_run`."""
    if FOLDER in os.environ:  # as in workers, which inherit it
        return None
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="lemur-test-run-")
    return os.environ[FOLDER]


def end_run(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop(FOLDER, None)


def once(name: str, make: Callable[[Path], None]) -> Path:
    """What ``make`` puts into this folder, which is there already, empty and only ours; if it fails, the next one tries."""
    base = Path(os.environ[FOLDER])
    place, draft = base / name, base / f"{name}.draft"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            make(draft)
            draft.rename(place)
    return place
