"""Who may do what to a certificate."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q

from certificates.models import (
    Batch,
    Certificate,
    Deployment,
    Domain,
    Order,
    Revocation,
    RotationPolicy,
    Suggestion,
    Tag,
)
from core.permissions import EVERYTHING, NOTHING, Permissions, keepers, members, nobody, readers, writers


def responsible(user: Any) -> Q:
    """The owner, holders of one of the certificate's roles, and its creator until it is handed over."""
    return Q(roles__in=user.role_ids) | Q(owner=user.email) | Q(user=user.pk, handed_over=False)


def orderers(user: Any) -> Q:
    """Its owner, holders of the owner's role or of one that it names, and whoever placed it until it is handed over."""
    mine = Q(by=user.pk, spec__handed_over__isnull=True) | Q(spec__owner__in=[user.email, *sorted(user.role_names)])
    for pk in user.role_ids:
        mine |= Q(spec__managed_by__icontains=f",{pk},")
    return mine


def begun(user: Any) -> Q:
    """Whoever began it."""
    return Q(by=user.pk)


def guardians(user: Any) -> Q:
    """Holders of one of SENSITIVE_DOMAIN_ROLES."""
    return EVERYTHING if user.role_names & set(settings.SENSITIVE_DOMAIN_ROLES) else NOTHING


permissions = Permissions(
    Certificate,
    view=readers(members),
    create=writers(members),
    upload=writers(members),
    change=keepers(responsible),
    delete=keepers(responsible),
    replace=keepers(responsible),
    export=keepers(responsible),
    reveal_key=keepers(responsible),
    revoke=keepers(responsible),
    reissue=writers(responsible),
    # A CA's own key never leaves through certificates, whoever asks.
    never={"reveal_key": Q(root_authority__isnull=False), "export": Q(root_authority__isnull=False)},
)
domain_permissions = Permissions(
    Domain, view=readers(members), order=readers(guardians), create=writers(members), change=writers(guardians)
)
tag_permissions = Permissions(Tag, view=readers(members))
order_permissions = Permissions(
    Order,
    view=readers(members),
    change=writers(orderers),
    cancel=keepers(orderers),
    reveal_key=keepers(orderers),
)
deployment_permissions = Permissions(Deployment, view=readers(members))
revocation_permissions = Permissions(Revocation, view=readers(members))
suggestion_permissions = Permissions(Suggestion, view=readers(members))
batch_permissions = Permissions(Batch, view=readers(members), change=keepers(begun))
policy_permissions = Permissions(
    RotationPolicy, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)
