"""Domains: which names only trusted people may ask for."""

from __future__ import annotations

import ipaddress

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.service import acting
from certificates.models import Domain
from certificates.models.domain import LONGEST
from certificates.permissions import domain_permissions
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Invalid, NotFound
from pki.errors import BadName
from pki.names import NameType, parse

FORBIDDEN = "You are not authorized to mark domains as sensitive."


@committing("domain.create")
def create_domain(name: str, *, sensitive: bool = False, by: User | None = None) -> Domain:
    """Make a domain known before any certificate has it. Conflict if it is; a sensitive one takes the right to mark."""
    by = acting(by)
    domain_permissions.require(by, "create", message="You are not authorized to create a domain.")
    if sensitive and not domain_permissions.can(by, "change"):
        domain_permissions.require(by, "change", message=FORBIDDEN)
    try:
        with transaction.atomic():
            domain = Domain.objects.create(name=normal_domain(name), sensitive=sensitive)
    except IntegrityError as error:
        raise Conflict(f"The domain {name} is known already.") from error
    record(Event.DOMAIN_CREATED, domain, by=by, sensitive=sensitive)
    return domain


def normal_domain(name: str) -> str:
    """As certificates hold it, and rules compare it. Invalid if it is neither a DNS name nor an IP address."""
    text = name.strip()
    try:
        ipaddress.ip_address(text)
    except ValueError:
        kind = NameType.DNS
    else:
        kind = NameType.IP
    try:
        normal = parse(kind, text).value
    except BadName as error:
        raise Invalid.field("name", str(error)) from error
    if len(normal) > LONGEST:
        raise Invalid.field("name", f"At most {LONGEST} characters.")
    return normal


@committing("domain.update")
def mark_domain(pk: int, *, sensitive: bool, by: User | None = None) -> None:
    """Say whether only trusted people may ask for certificates with this name."""
    by = acting(by)
    domain = Domain.objects.filter(pk=pk).first()
    if domain is None:
        raise NotFound
    domain_permissions.require(by, "change", domain, message=FORBIDDEN)
    Domain.objects.filter(pk=pk).update(sensitive=sensitive)
    record(Event.DOMAIN_UPDATED, domain, by=by, sensitive=sensitive)
