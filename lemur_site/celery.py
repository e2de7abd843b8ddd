"""The Celery application: configuration from Django's settings, tasks from every app's tasks module."""

from __future__ import annotations

import os
import time
from typing import Any, Final

import structlog
from celery import Celery, Task
from celery.signals import task_prerun
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from lemur_site.schedule import PERIODS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemur_site.settings")


class ActingTask(Task):  # type: ignore[misc]
    """Every task works for the user ``system``, and the audit log finds its lines by the task's id."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from accounts.service import system_user  # noqa: PLC0415  there are no models before Django is set up
        from core.audit import acting_as  # noqa: PLC0415
        from lemur_site.consumer import misfit  # noqa: PLC0415  of workers alone: half of Celery comes with it

        if not self.request.called_directly and (reason := misfit(self.run, args, kwargs)):
            log.warning("queue.unfitting_message", task=self.name, reason=reason)
            return None
        task_id = self.request.id or ""
        with acting_as(kind="task", user=system_user(), request_id=task_id, address="", api_key="", idempotency=None):
            return self._sweep(*args, **kwargs) if self.name in PERIODS else super().__call__(*args, **kwargs)

    def _sweep(self, *args: Any, **kwargs: Any) -> Any:
        """A task of the timetable: not while another one of this name is at work."""
        from core.sweeps import running  # noqa: PLC0415

        with running(self.name) as mine:
            return super().__call__(*args, **kwargs) if mine else None


@task_prerun.connect  # type: ignore[untyped-decorator]
def forget_broken_connections(sender: Task, **_: Any) -> None:
    """As Django does before a request: a connection that broke, or is too old, is not used again."""
    if not sender.request.is_eager:
        close_old_connections()


SILENCE_SECONDS: Final = 30.0
"""Without nudges after one that could not be sent, so that not everybody waits for a broker that is down."""

log = structlog.get_logger(__name__)
app = Celery("lemur", task_cls=ActingTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery gives up the connection to the database before and after each task, and with it what PostgreSQL has learnt in
# it. Here one is kept as long as the web server keeps one.
app.conf.update(CELERY_DB_REUSE_MAX=100_000)
_silent_until = 0.0


def send(task: str, args: tuple[int | str, ...]) -> None:
    """Hand a task to the broker: what core.queue calls. A broker that is down is logged, and left alone for a while."""
    global _silent_until  # noqa: PLW0603  of the process, as the connection is
    if time.monotonic() < _silent_until:
        return
    try:
        app.send_task(task, args, retry=False)
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + SILENCE_SECONDS
        log.warning("queue.unreachable", task=task, reason=str(error))
