"""What must not go unseen: told to the owner of a certificate, alarms to the security team too, once for each."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from notifications.models import Notice
from notifications.service import raise_notice

MAIL = "email-notification"
LONGEST = 255


def raise_alarm(kind: str, label: str, link: str, *, key: str, owner: str = "") -> None:
    """``key`` names the occasion: what has the same one was told already."""
    tell(kind, label, link, key=key, recipients=(owner, *settings.LEMUR_SECURITY_TEAM_EMAIL))


def tell(kind: str, label: str, link: str, *, key: str, recipients: Iterable[str]) -> None:
    """The same to these people, each once."""
    raise_notice(
        *(
            Notice(
                kind=kind,
                recipient=recipient,
                channel=MAIL,
                subject_label=label[:LONGEST],
                subject_url=link,
                dedupe=f"{kind}:{key}:{recipient.lower()}"[:LONGEST],
            )
            for recipient in dict.fromkeys(filter(None, recipients))
        )
    )
