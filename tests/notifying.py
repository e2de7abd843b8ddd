"""Notifications for tests."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from core.connectors import NewConnector
from notifications import service
from notifications.models import Notification

PLUGIN = "email-notification"
OPTIONS = {"interval": 10, "unit": "days", "recipients": "web@example.org"}


def a_notification(by: User, *, label: str = "web", **fields: Any) -> Notification:
    """Mail to the web team, ten days before."""
    return service.create(NewConnector(label=label, **{"plugin": PLUGIN, "options": OPTIONS, **fields}), by=by)
