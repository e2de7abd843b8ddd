"""The Celery application: configuration from Django's settings, tasks from every app's tasks module."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemur_site.settings")

app = Celery("lemur")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
