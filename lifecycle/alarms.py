"""What is told once, when it happens: to the owner of a certificate, and what must not go unseen to the security team.

What does not work for as long as it does not is found by a sweep instead: see lifecycle.failures.
"""

from __future__ import annotations

from django.conf import settings
from django.db.models import Model

from notifications.service import by_mail, raise_notice, topic


def raise_alarm(kind: str, about: Model, *, occasion: str, label: str = "", url: str = "", owner: str = "") -> None:
    """To the owner and the security team; arguments as those of :func:`tell`."""
    tell(kind, about, owner, *settings.LEMUR_SECURITY_TEAM_EMAIL, occasion=occasion, label=label, url=url)


def tell(kind: str, about: Model, *recipients: str, occasion: str, label: str = "", url: str = "") -> None:
    """Something about a row to these people, each once for the ``occasion``.

    Without ``label`` and ``url`` (a path), those of the row.
    """
    shown = {"topic": topic(about), "label": label or str(about), "url": url or about.get_absolute_url()}  # type: ignore[attr-defined]
    raise_notice(*(address.notice(kind, occasion, **shown) for address in by_mail(*dict.fromkeys(recipients))))
