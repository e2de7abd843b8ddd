"""Wiring: settings, URLs, Celery and the timetable. It may import everything; nothing imports it."""

from lemur_site.celery import app as celery_app

__all__ = ["celery_app"]
