"""The verbs of notifications: the channels, the defaults that every owner has, and telling what is to be told."""

from notifications.service.channels import create, delete, send_test, update
from notifications.service.defaults import default_notifications
from notifications.service.notices import raise_notice, tell, waiting_recipients

__all__ = [
    "create",
    "default_notifications",
    "delete",
    "raise_notice",
    "send_test",
    "tell",
    "update",
    "waiting_recipients",
]
