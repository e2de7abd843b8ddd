"""A channel that tells nobody, or fails as a test asks it to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from plugins import Message, Notifier
from plugins.notifications.email import EmailNotifier
from plugins.registry import Entry

SLUG = "odd-notifier"


class OddNotifier(Notifier):
    """Takes the options of mail."""

    slug = SLUG
    title = "Odd"
    Options = EmailNotifier.Options
    trouble: ClassVar[Exception | None] = None

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        if self.trouble is not None:
            raise self.trouble


ENTRIES = {SLUG: Entry(SLUG, "notification", "tests.odd_notifier:OddNotifier", "tests")}
