"""A little of everything that can be seen outside: delivered to a directory, renewed, retired, revoked, and told by mail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from accounts.models import User
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate, Deployment
from certificates.service.deploying import deploy
from lifecycle.retiring import retire_replaced
from notifications.service import tell, waiting_recipients
from plugins import Message
from plugins.notifications.email import EmailNotifier, compose
from stores import service as stores
from stores.models import Destination
from tests.factories import a_certificate

LABEL, RENEWED, REVOKED = "files", "renewed.example.org", "revoked.example.org"


def stage(targets: str, mails: str) -> dict[str, Any]:
    """All of it, in a directory for the target and one for the mails."""
    alice, root = User.objects.get(username="alice"), User.objects.get(username="root")
    place = stores.create(
        Destination, label=LABEL, plugin="directory-destination", options={"path": targets}, by=root
    )  # fmt: skip
    ca = Authority.objects.get(name="Root")
    old = a_certificate(alice, ca, cn=RENEWED, rotation=True, destinations=[place])
    gone = a_certificate(alice, ca, cn=REVOKED, destinations=[place])
    _deliver()
    service.revoke(gone, "superseded", by=alice)
    service.reissue_certificate(old, replace=True, user=alice)
    _deliver()
    retire_replaced()
    _tell(Path(mails))
    return {"authority": ca.pk, "serials": [int(one.serial) for one in Certificate.objects.filter(authority=ca)]}


def _deliver() -> None:
    for pk in Deployment.objects.due().values_list("pk", flat=True):
        deploy(pk)


def _tell(folder: Path) -> None:
    def send(_self: EmailNotifier, message: Message, recipients: Sequence[str]) -> None:
        mail = compose(message, sender="lemur@example.org", to=recipients)
        (folder / f"{message.id}-{recipients[0]}.eml").write_bytes(mail.as_bytes())

    with patch.object(EmailNotifier, "send", send):
        for recipient, channel in waiting_recipients():
            tell(recipient, channel)
