"""Which certificates lists show to a person, and what that person may do with lists."""

from __future__ import annotations

from accounts.models import User
from certificates.models import CertificateQuerySet
from certificates.permissions import permissions

WORDS = {"create": "order"}


def visible(user: User) -> CertificateQuerySet:
    """The certificates that the person may see, as lists show them."""
    rows: CertificateQuerySet = permissions.allowed(user, "view")  # type: ignore[assignment]
    return rows.present().without_texts().with_replaced().with_tags().select_related("authority")


def may(user: User, *actions: str) -> set[str]:
    """Which of these the person may do at all, in the pages' words."""
    return {WORDS.get(action, action) for action in actions if permissions.can(user, action)}
