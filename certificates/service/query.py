"""Questions about certificates that the seed asks by function."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from django.http import HttpRequest, QueryDict

from accounts.models import User
from accounts.service import acting
from certificates.filters import CertificateFilter
from certificates.models import Certificate, CertificateQuerySet
from certificates.permissions import permissions
from web.lists import Listing

# The seed's arguments that the list dialect spells in its own way.
DIALECT = {"sort_by": "sortBy", "sort_dir": "sortDir"}


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
    by = acting(by, args.get("user"))
    for name, value in args.items():
        if value is not None and name != "user":
            params[DIALECT.get(name, name)] = str(value)
    rows = permissions.allowed(by, "view", Certificate.objects.present())
    listing = Listing(CertificateFilter, rows, params, request=cast(HttpRequest, SimpleNamespace(user=by)))
    return {"items": list(listing.items), "total": listing.total}
