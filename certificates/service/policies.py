"""Rotation policies: how many days before its end a certificate is renewed."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.service import acting
from certificates.models import RotationPolicy
from certificates.models.rotation import DEFAULT
from certificates.permissions import policy_permissions
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Invalid, NotFound
from pki.names import printable

LEAST_DAYS, MOST_DAYS = 1, 3650
FORBIDDEN = "You are not authorized to delete rotation policies."


@committing("policy.create")
def create_policy(*, name: str, days: int, by: User | None = None) -> RotationPolicy:
    """A new policy. Conflict if the name is taken."""
    by = acting(by)
    policy_permissions.require(by, "create", message="You are not authorized to create rotation policies.")
    made = RotationPolicy()
    _set(made, name=name, days=days)
    record(Event.POLICY_CREATED, made, by=by, days=days)
    return made


@committing("policy.update")
def update_policy(
    policy: RotationPolicy, *, name: str | None = None, days: int | None = None, by: User | None = None
) -> RotationPolicy:
    """Another name or number of days, for every certificate that follows it. The one called default keeps its name."""
    by, changed = acting(by), _locked(policy.pk)
    policy_permissions.require(by, "change", changed, message="You are not authorized to change rotation policies.")
    before, name = changed.days, changed.name if name is None else name.strip()
    if changed.name == DEFAULT and name != DEFAULT:
        raise Conflict("The policy 'default' cannot be renamed: certificates without a policy of their own follow it.")
    _set(changed, name=name, days=before if days is None else days)
    record(Event.POLICY_UPDATED, changed, by=by, days=changed.days, before=before)
    return changed


@committing("policy.delete")
def delete_policy(policy: RotationPolicy, *, by: User | None = None) -> None:
    """Gone. Conflict if it is the default, or if a certificate follows it."""
    by, gone = acting(by), _locked(policy.pk)
    policy_permissions.require(by, "delete", gone, message=FORBIDDEN)
    if gone.name == DEFAULT:
        raise Conflict("The policy 'default' cannot be deleted: certificates without a policy of their own follow it.")
    if followers := gone.certificates.count():
        raise Conflict(f"The policy {gone} cannot be deleted: {followers} certificates follow it.")
    record(Event.POLICY_DELETED, gone, by=by, days=gone.days)
    gone.delete()


def _set(policy: RotationPolicy, *, name: str, days: int) -> None:
    name = name.strip()
    if not name or name != printable(name):
        raise Invalid.field("name", "A name is one line of visible characters.")
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise Invalid.field("days", f"Give a number of days from {LEAST_DAYS} to {MOST_DAYS}.")
    policy.name, policy.days = name, days
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a rotation policy called {name}.") from error


def _locked(pk: int) -> RotationPolicy:
    """The row as it is now, kept from others until the transaction ends."""
    found = RotationPolicy.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such rotation policy.")
    return found
