"""DNS providers, which answer the challenges of authorities: made, changed and deleted by administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.service import acting
from authorities.models import DnsProvider
from authorities.permissions import dns_provider_permissions as permissions
from core.audit import Event, record
from core.commits import committing
from core.connectors import Given
from core.errors import Conflict, Invalid

CHANGEABLE = frozenset({"name", "description", "active", "plugin", "options"})
FORBIDDEN = "You are not authorized to manage DNS providers."


@dataclass(frozen=True, kw_only=True)
class NewDnsProvider:
    """What a person says about one. ``options`` are the plugin's, as on the wire."""

    name: str
    plugin: str
    options: Given = None
    description: str = ""
    active: bool = True


@committing("dns_provider.create")
def create_dns_provider(new: NewDnsProvider, *, by: User | None = None) -> DnsProvider:
    """Conflict if the name is taken."""
    by = acting(by)
    permissions.require(by, "create", message=FORBIDDEN)
    made = DnsProvider(description=new.description, active=new.active)
    _call(made, new.name)
    made.configure(new.plugin, new.options)
    _save(made)
    record(Event.DNS_PROVIDER_CREATED, made, by=by, plugin=made.plugin)
    return made


@committing("dns_provider.update")
def update_dns_provider(provider: DnsProvider, *, by: User | None = None, **changes: Any) -> DnsProvider:
    """Change name, description, active, plugin or options; what is absent stays, secrets that are empty too."""
    by = acting(by)
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"update_dns_provider() got unexpected fields: {sorted(unknown)}")
    permissions.require(by, "change", provider, message=FORBIDDEN)
    if "name" in changes:
        _call(provider, changes["name"])
    if "plugin" in changes or "options" in changes:
        provider.configure(changes.get("plugin", provider.plugin), changes.get("options", provider.options))
    for name in ("description", "active"):
        setattr(provider, name, changes.get(name, getattr(provider, name)))
    _save(provider)
    record(Event.DNS_PROVIDER_UPDATED, provider, by=by, fields=sorted(changes))
    return provider


@committing("dns_provider.delete")
def delete_dns_provider(provider: DnsProvider, *, by: User | None = None) -> None:
    """Certificates that named it name none any more."""
    by = acting(by)
    permissions.require(by, "delete", provider, message=FORBIDDEN)
    record(Event.DNS_PROVIDER_DELETED, provider, by=by, plugin=provider.plugin)
    provider.delete()


def _call(provider: DnsProvider, name: str) -> None:
    provider.name = name.strip()
    if not provider.name:
        raise Invalid.field("name", "Missing data for required field.")


def _save(provider: DnsProvider) -> None:
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a DNS provider called {provider.name}.") from error
