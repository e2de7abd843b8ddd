"""Slack, through an incoming webhook: an address that is itself the secret. Mattermost takes the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from pydantic import Field, SecretStr, field_validator

from pki.names import printable
from plugins.contracts import Notifier
from plugins.errors import Permanent
from plugins.notifications.base import NotificationOptions
from plugins.notifications.posting import post, web_address
from plugins.options import TARGET
from plugins.values import Message

LONGEST_TEXT: Final = 35_000
"""Slack cuts off what is longer than 40,000 characters, our escapes among them."""
CHANNEL: Final = re.compile(r"[#@][^\s,#@]{1,80}")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackNotifier(Notifier):
    """One message in a channel."""

    slug = "slack-notification"
    title = "Slack"
    description = "A message in a Slack channel, through an incoming webhook."

    class Options(NotificationOptions):
        """Lemur's, by its names."""

        webhook: SecretStr = Field(
            description="The address that Slack gave you for this: https://hooks.slack.com/services/…",
            json_schema_extra=TARGET,
        )
        username: str = Field("Lemur", min_length=1, max_length=80, description="Who the message is from.")
        recipients: str | None = Field(
            None,
            max_length=4096,
            description="#channel or @person, several with commas. Webhooks of Slack's own apps know one channel.",
        )

        @field_validator("webhook")
        @classmethod
        def _web_address(cls, value: SecretStr) -> SecretStr:
            web_address(value.get_secret_value())
            return value

        @field_validator("recipients")
        @classmethod
        def _channels(cls, value: str | None) -> str | None:
            names = dict.fromkeys(part.strip() for part in (value or "").split(",") if part.strip())
            if wrong := next((name for name in names if not CHANNEL.fullmatch(name)), None):
                raise ValueError(f"'{wrong}' is neither a #channel nor a @person")
            return ",".join(names) or None

    options: Options

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(self.options.recipients.split(",")) if self.options.recipients else ()

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        """To each of them; whoever is called like no channel is told in the channel of the webhook."""
        if wrong := next((one for one in recipients if not one.isprintable()), None):
            raise Permanent(f"There is no channel {printable(wrong)}.")
        for recipient in recipients:
            self._post(message, recipient)

    def _post(self, message: Message, recipient: str) -> None:
        payload = {"text": _text(message), "username": self.options.username, "mrkdwn": False, "unfurl_links": False}
        if CHANNEL.fullmatch(recipient):
            payload["channel"] = recipient
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = post(self.options.webhook.get_secret_value(), json.dumps(payload).encode(), headers)
        if answer != "ok":
            raise Permanent(f"This is no Slack webhook: it answered {answer or 'nothing'} where Slack says ok.")


def _text(message: Message) -> str:
    """Subject, text, and as the last line the id, by which somebody sees that a message came twice."""
    body = message.text.strip()[:LONGEST_TEXT].translate(_ESCAPES)
    subject = " ".join(message.subject.split()).translate(_ESCAPES)
    return f"{subject}\n\n{body}\n\n({printable(message.id).translate(_ESCAPES)})"
