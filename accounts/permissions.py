"""Who may do what to people, roles and tokens."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.models import SYSTEM, ApiKey, Role, SavedView, Session, User
from core.models import AuditEntry, SweepRun
from core.permissions import Permissions, Rule, members, nobody, readers, writers


def own(user: Any) -> Q:
    """The person it belongs to."""
    return Q(user=user.pk)


def oneself(user: Any) -> Q:
    """The person whose account it is."""
    return Q(pk=user.pk)


def held(user: Any) -> Q:
    """Whoever holds the role."""
    return Q(pk__in=user.role_ids)


# Nobody switches off who does the background work, or acts in its name.
_system = Q(username=SYSTEM)
users = Permissions(
    User,
    never={"change": _system, "make_token": _system},
    view=readers(members),
    change=writers(nobody),
    create=writers(nobody),
    make_token=Rule(oneself),
)
roles = Permissions(
    Role,
    view=readers(members),
    show=readers(held),
    reveal=Rule(held),
    change=writers(nobody),
    create=writers(nobody),
    delete=writers(nobody),
)
api_keys = Permissions(ApiKey, view=readers(own), change=Rule(own), delete=Rule(own))
# Who only reads may end their sessions, too.
sessions = Permissions(Session, view=readers(own), end=readers(own))
# A list of one's own changes nothing for anybody else, so that those who only read have it, too.
_for_oneself = Rule(own, writes=False, administrators=False)
saved_views = Permissions(SavedView, view=_for_oneself, change=_for_oneself)
audit_log = Permissions(AuditEntry, view=readers(members))
sweep_permissions = Permissions(SweepRun, view=readers(members))
