"""The verbs of notifications: the channels, the defaults that every owner has, and telling what is to be told."""

from notifications.service.channels import NewNotification, create, delete, send_test, update
from notifications.service.defaults import default_notifications
from notifications.service.notices import due_recipients, raise_notice, tell

__all__ = [
    "NewNotification",
    "create",
    "default_notifications",
    "delete",
    "due_recipients",
    "raise_notice",
    "send_test",
    "tell",
    "update",
]
