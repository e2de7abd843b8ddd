"""`manage.py up`: prepares one installation and keeps its web server and its worker running until it is stopped."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections, transaction

from accounts.service import create_first_admin
from core import secrets
from core.errors import DomainError
from lemur_site import demo, home, static_files, supervisor
from lemur_site.preparing import alone
from lemur_site.supervisor import Plan, Program, SupervisorError

HOST = "127.0.0.1"
# On a laptop or in a container root is who there is; what Celery warns of, pickled messages, we do not accept.
AS_ROOT = {"C_FORCE_ROOT": "1", "PYTHONWARNINGS": "ignore:You're running the worker"}
WEB = ["gunicorn", "-c", "python:lemur_site.gunicorn_conf", "lemur_site.wsgi"]
# Without Django's checks, which have been made by then.
CELERY = ["celery", "--quiet", "--skip-checks", "-A", "lemur_site"]
WORKER = [*CELERY, "worker", "-P", "threads", "-c", "4", "--loglevel", "WARNING"]
# Beside the worker, not inside it: a timetable that dies inside would die unseen.
BEAT = [*CELERY, "beat", "--pidfile=", "--loglevel", "WARNING"]


class Command(BaseCommand):
    help = (
        "Run the whole product on this machine: migrations, web server, worker and timetable. Ctrl-C stops all of it."
    )
    requires_system_checks = []  # run by handle() once the port and the directory are known to be usable

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="prepare everything, then stop instead of serving")

    def handle(self, *_args: object, **options: Any) -> None:
        _exit_on_signals()
        os.umask(0o077)
        try:
            supervisor.check_port(HOST, settings.PORT)
            home.check_writable(settings.LEMUR_HOME)
            home.claim(settings.LEMUR_HOME)
            self._prepare()
        except (home.HomeError, SupervisorError, DomainError) as error:
            raise CommandError(str(error)) from error
        if not options["check"]:
            connections.close_all()
            supervisor.become_supervisor(_plan())

    def _prepare(self) -> None:
        self.check()
        try:
            with alone():
                self._prepare_database()
        except Error as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from error
        _make_queue()
        static_files.collect(Path(settings.STATIC_ROOT))

    def _prepare_database(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        secrets.verify_keys()
        self._make_first_admin()
        self._load_demo()

    def _make_first_admin(self) -> None:
        path = settings.LEMUR_HOME / "admin-password"
        with _without_logs(), transaction.atomic():
            password = create_first_admin()
            if password is None:
                return
            # Both files are on disk before the commit: a crash in between leaves no user without a known password.
            home.write_private(path, password + "\n")
            if _wants_demo():
                home.write_private(_demo_pending(), "")
        if self.stdout.isatty():
            self.stdout.write(f"Log in as admin with the password {password} (kept in {path}).")
        else:
            self.stdout.write(f"Log in as admin; the password is in {path}.")

    def _load_demo(self) -> None:
        if _demo_pending().exists() and _wants_demo() and not demo.exists():
            self.stdout.write("Loading the demo; `manage.py demo --remove` takes it away again.")
            with _without_logs():
                call_command("demo", stdout=io.StringIO())
        _demo_pending().unlink(missing_ok=True)


def _plan() -> Plan:
    return Plan(
        programs=_programs(),
        directory=str(settings.BASE_DIR),
        host=HOST,
        port=settings.PORT,
        path="/readyz",
        host_header=urlsplit(settings.SITE_ROOT).netloc,
        announcement=f"Lemur is ready at {settings.SITE_ROOT} - Ctrl-C stops it.",
    )


def _programs() -> list[Program]:
    environment = {"LEMUR_HOME": str(settings.LEMUR_HOME), "PORT": str(settings.PORT)}
    beat = str(settings.LEMUR_HOME / "beat")
    return [
        Program("web server", [sys.executable, "-m", *WEB], environment),
        Program("worker", [sys.executable, "-m", *WORKER], {**environment, **AS_ROOT}),
        Program("timetable", [sys.executable, "-m", *BEAT, "-s", beat], environment),
    ]


def _exit_on_signals() -> None:
    for number in supervisor.stop_signals():
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))


@contextmanager
def _without_logs() -> Iterator[None]:
    """A hundred lines about a new installation's users and certificates would hide the address and the password."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _wants_demo() -> bool:
    return settings.EMBEDDED and os.environ.get("LEMUR_DEMO", "1") != "0"


def _demo_pending() -> Path:
    return settings.LEMUR_HOME / "demo-pending"


def _make_queue() -> None:
    """The folders of Celery's filesystem transport, which makes none itself."""
    if queue := getattr(settings, "QUEUE_DIR", None):
        (queue / "control").mkdir(parents=True, exist_ok=True)
