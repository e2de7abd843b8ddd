"""Who may do what to notifications and notices (contract 11)."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from core.permissions import Permissions, members, nobody, readers, writers
from notifications.models import Notice, Notification


def concerned(user: Any) -> Q:
    """Whoever made it, and those whose team's default it is: its label is ``DEFAULT_<local part of the owner>_…``."""
    mine = Q(creator=user.pk)
    for role in user.role_names:
        local, at, _ = role.partition("@")
        if at:
            mine |= Q(label__startswith=f"DEFAULT_{local.upper()}_")
    return mine


permissions = Permissions(
    Notification,
    view=readers(members),
    create=writers(members),
    change=writers(concerned),
    delete=writers(concerned),
)
notice_permissions = Permissions(Notice, view=readers(members), change=writers(nobody))
