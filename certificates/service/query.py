"""Questions about certificates that the seed asks by function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.models import User
from accounts.service import acting
from certificates.filters import CertificateFilter
from certificates.models import Certificate, CertificateQuerySet
from certificates.permissions import permissions
from web.lists import Listing


def get(cert_id: int) -> Certificate | None:
    """By id."""
    return Certificate.objects.filter(pk=cert_id).first()


def get_by_name(name: str) -> Certificate | None:
    """By its exact name."""
    return Certificate.objects.filter(name=name).first()


def get_all_certs() -> CertificateQuerySet:
    """Every certificate, lazily: iterate over it, it may be long."""
    return Certificate.objects.all()


def render(args: Mapping[str, Any], *, by: User | None = None) -> dict[str, Any]:
    """One page of the certificates that the caller may see, as asked in the list dialect: ``{"items", "total"}``."""
    params = QueryDict(mutable=True)
    for name, value in args.items():
        params[name] = str(value)
    listing = Listing(CertificateFilter, permissions.allowed(acting(by), "view", Certificate.objects.present()), params)
    return {"items": list(listing.items), "total": listing.total}
