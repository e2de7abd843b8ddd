"""Who may do what to what happens by itself: everybody sees it, and most of it is changed by what is found alone."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from core.permissions import EVERYTHING, NOTHING, Permissions, keepers, members, nobody, readers, writers
from lifecycle.models import Alarm, Brake, Endpoint, EndpointRotation, Finding, Spent, Sync


def responsible(user: Any) -> Q:
    """The owner of the new certificate, and holders of one of its roles."""
    return Q(certificate__roles__in=user.role_ids) | Q(certificate__owner=user.email)


def deciders(user: Any) -> Q:
    """Operators, the owner of the certificate that was found, and holders of one of its roles."""
    return EVERYTHING if user.is_operator else responsible(user)


def named_by_their_kind(user: Any) -> Q:
    """Whoever may do the same to what it is about, by the rule of its kind."""
    return NOTHING


endpoint_permissions = Permissions(Endpoint, view=readers(members))
alarm_permissions = Permissions(Alarm, view=readers(members))
rotation_permissions = Permissions(
    EndpointRotation, view=readers(members), retry=keepers(responsible), roll_back=keepers(responsible)
)
brake_permissions = Permissions(Brake, view=readers(members), release=writers(nobody))
spent_permissions = Permissions(Spent, view=readers(members))
finding_permissions = Permissions(Finding, view=readers(members), decide=writers(deciders))
sync_permissions = Permissions(Sync, view=readers(members))
retrying_any_job = keepers(named_by_their_kind)
"""In words only: lifecycle.jobs.kinds says which right each kind asks for."""
