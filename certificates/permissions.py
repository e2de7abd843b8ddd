"""Who may do what to a certificate."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from certificates.models import Certificate, Domain, Order
from core.permissions import Permissions, members, nobody, readers, writers


def responsible(user: Any) -> Q:
    """The owner, holders of one of the certificate's roles, and its creator until it is handed over."""
    return Q(roles__in=user.role_ids) | Q(owner=user.email) | Q(user=user.pk, handed_over=False)


permissions = Permissions(
    Certificate,
    view=readers(members),
    create=writers(members),
    upload=writers(members),
    change=writers(responsible),
    delete=writers(responsible),
    replace=writers(responsible),
    export=writers(responsible),
    reveal_key=writers(responsible),
    revoke=writers(responsible),
    # A CA's own key never leaves through certificates, whoever asks.
    never={"reveal_key": Q(root_authority__isnull=False), "export": Q(root_authority__isnull=False)},
)
domain_permissions = Permissions(Domain, view=readers(members), change=writers(nobody))
order_permissions = Permissions(Order, view=readers(members))
