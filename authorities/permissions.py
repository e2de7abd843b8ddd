"""Who may see, use and change authorities and profiles."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q

from authorities.models import Authority, Crl, DnsProvider, Issuance, Profile, Responder
from core.permissions import EVERYTHING, NOTHING, Permissions, members, nobody, readers, writers


def entrusted(user: Any) -> Q:
    """Holders of one of the authority's roles. The owner's role is one of them."""
    return Q(roles__in=user.role_ids)


def listed(user: Any) -> Q:
    """Everybody who is logged in, of what their roles entrust them with (contract 2.3).

    All to operators, and to those who only read: they order nothing, so there is no choice to narrow.
    """
    return EVERYTHING if user.is_read_only or user.is_operator else entrusted(user)


def founders(user: Any) -> Q:
    """Administrators, and with ADMIN_ONLY_AUTHORITY_CREATION off everybody who may write."""
    return NOTHING if settings.ADMIN_ONLY_AUTHORITY_CREATION else members(user)


permissions = Permissions(
    Authority,
    view=readers(members),
    list=readers(listed),
    use=writers(entrusted),
    change=writers(entrusted),
    create=writers(founders),
    back_up=writers(nobody),
)
profile_permissions = Permissions(Profile, view=readers(members), change=writers(nobody), create=writers(nobody))
ledger_permissions = Permissions(Issuance, view=readers(members))
crl_permissions = Permissions(Crl, view=readers(members))
responder_permissions = Permissions(Responder, view=readers(members))
dns_provider_permissions = Permissions(
    DnsProvider, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)
