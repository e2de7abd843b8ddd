"""A process of the product that stands ready: for each line of input it forks a child that runs a program and stays.

The program is what ``python -m`` would run. It starts within a moment, since all that it imports is there already; so a
machine with two cores can kill one each second and still get something done.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from typing import Any, NoReturn

import django

django.setup()

from django.urls import get_resolver  # noqa: E402

import lemur_site.wsgi  # noqa: E402, F401 - what gunicorn would load
from lemur_site.celery import app  # noqa: E402


def live(job: dict[str, Any]) -> NoReturn:
    """Become that program, in a process group of its own."""
    code = 1
    try:
        os.setsid()
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for taken, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(taken, number)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.argv = job["program"]
        runpy.run_module(job["program"][0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(code)


def main() -> None:
    """Answers each line with the process id; who is dead is reaped by itself."""
    app.loader.import_default_modules()
    _ = get_resolver().url_patterns
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            live(json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    main()
