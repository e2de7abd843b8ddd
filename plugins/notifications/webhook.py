"""A signed message to a program of one's own, as Standard Webhooks has it (https://www.standardwebhooks.com/)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import Field, SecretStr, field_validator

from pki.names import printable
from plugins.contracts import Notifier
from plugins.errors import Permanent
from plugins.notifications.base import NotificationOptions
from plugins.notifications.posting import post, web_address
from plugins.options import TARGET
from plugins.values import Message

PREFIX: Final = "whsec_"
KEY_BYTES: Final = range(24, 65)


def signing_key(secret: str) -> bytes:
    """The key that a secret is: 24 to 64 bytes in base64, with or without `whsec_` before it. ValueError otherwise."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) not in KEY_BYTES:
        raise ValueError("it must be 24 to 64 bytes in base64; `openssl rand -base64 32` makes some")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header webhook-signature: HMAC-SHA256 over id, time (seconds since 1970) and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


class WebhookNotifier(Notifier):
    """One POST of JSON for all recipients of a call."""

    slug = "webhook-notification"
    title = "Webhook"
    description = "JSON, signed with a shared secret, to a program of your own."

    class Options(NotificationOptions):
        """Where to, and the secret that both sides know."""

        url: str = Field(max_length=2048, description="Where it is posted to: https://…", json_schema_extra=TARGET)
        secret: SecretStr = Field(
            description="What signs them: 24 to 64 bytes in base64, as `openssl rand -base64 32` makes."
        )

        @field_validator("url")
        @classmethod
        def _web_address(cls, value: str) -> str:
            return web_address(value)

        @field_validator("secret")
        @classmethod
        def _signing_key(cls, value: SecretStr) -> SecretStr:
            signing_key(value.get_secret_value())
            return value

    options: Options

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        if wrong := next((one for one in recipients if not one.isprintable()), None):
            raise Permanent(f"There is nobody called {printable(wrong)}.")
        now, message_id = int(time.time()), re.sub(r"[^A-Za-z0-9_-]", "-", message.id)
        body = _body(message, recipients, at=now)
        key = signing_key(self.options.secret.get_secret_value())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(key, message_id, now, body),
        }
        post(self.options.url, body, headers)


def _body(message: Message, recipients: Sequence[str], *, at: int) -> bytes:
    said = {"recipients": list(recipients), "subject": " ".join(message.subject.split()), "text": message.text}
    moment = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({"type": "lemur.notices", "timestamp": moment, "data": {**said, **message.facts}}).encode()
