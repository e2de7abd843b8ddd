"""The Celery application: configuration from Django's settings, tasks from every app's tasks module."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemur_site.settings")


class ActingTask(Task):  # type: ignore[misc]
    """Every task works for the user ``system``, and the audit log finds its lines by the task's id."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from accounts.service import system_user  # noqa: PLC0415  there are no models before Django is set up
        from core.audit import acting_as  # noqa: PLC0415

        task_id = self.request.id or ""
        with acting_as(kind="task", user=system_user(), request_id=task_id, address="", api_key="", idempotency=None):
            return super().__call__(*args, **kwargs)


app = Celery("lemur", task_cls=ActingTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
