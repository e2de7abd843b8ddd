"""What people are told, in words: subject and text of a message, made from templates."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from notifications.models import Notice, Notification
from plugins import Message


def of_test(notification: Notification, *, by: User) -> Message:
    """That somebody tries a notification out."""
    text = render_to_string("messages/test.txt", {"notification": notification, "by": by, "site": settings.SITE_ROOT})
    subject = _("Lemur: a test of the notification %(label)s") % {"label": notification.label}
    return Message(id=f"test.{uuid.uuid4()}", subject=subject, text=text)


def of_notices(notices: Sequence[Notice]) -> Message:
    """Everything of one batch. The same batch gives the same message, with the same id."""
    text = render_to_string("messages/notices.txt", {"notices": notices, "site": settings.SITE_ROOT})
    subject = ngettext("Lemur: %(number)d notice", "Lemur: %(number)d notices", len(notices)) % {"number": len(notices)}
    if len(notices) == 1:
        subject = f"Lemur: {notices[0].kind_in_words}: {notices[0].subject_label}"
    return Message(id=f"notices.{notices[0].batch}", subject=subject, text=text)
