"""The verbs of notifications: the channels, the defaults that every owner has, and telling what is to be told."""

from notifications.service.addresses import Address, addresses_of, by_mail, topic
from notifications.service.answers import acknowledge, snooze, snoozed
from notifications.service.channels import create, delete, send_test, update
from notifications.service.defaults import default_notifications
from notifications.service.notices import raise_notice, release, retry_notice, tell, waiting_recipients

__all__ = [
    "Address",
    "acknowledge",
    "addresses_of",
    "by_mail",
    "create",
    "default_notifications",
    "delete",
    "raise_notice",
    "release",
    "retry_notice",
    "send_test",
    "snooze",
    "snoozed",
    "tell",
    "topic",
    "update",
    "waiting_recipients",
]
