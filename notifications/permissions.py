"""Who may do what to notifications and notices (contract 11)."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q

from core.permissions import Permissions, keepers, members, nobody, readers, writers
from notifications.models import Notice, Notification, Snooze, default_pattern, is_default_of

# The label of a default: DEFAULT_<local part of the owner's address>_<days>_DAY.
DEFAULT_LABEL = re.compile(r"DEFAULT_.+_[0-9]+_DAY", re.IGNORECASE)


def concerned(user: Any) -> Q:
    """Whoever made it, and those whose team's default it is: holders of the role named like the owner's address."""
    mine = Q(creator=user.pk)
    for role in user.role_names:
        if pattern := default_pattern(role):
            mine |= Q(label__regex=pattern)
    return mine


def told(user: Any) -> Q:
    """Whom it was told to: by their address, by that of one of their roles, or through a notification of theirs."""
    return Q(recipient__in=[user.email, *sorted(user.role_names)]) | Q(notification__creator=user.pk)


def may_be_called(user: Any, label: str) -> bool:
    """Labels of defaults are not for everybody: who takes one decides whom a team's certificates are told to."""
    if not DEFAULT_LABEL.fullmatch(label) or user.is_administrator:
        return True
    return any(is_default_of(label, role) for role in user.role_names)


permissions = Permissions(
    Notification,
    view=readers(members),
    create=writers(members),
    change=writers(concerned),
    delete=writers(concerned),
)
notice_permissions = Permissions(Notice, view=readers(members), change=writers(nobody), answer=keepers(told))
snooze_permissions = Permissions(Snooze, view=readers(members))
